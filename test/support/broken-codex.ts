import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import type { RealCodex } from "./real-codex.ts";
import { onTestFinished } from "./test-end.ts";

/** Puts a shell script before the real codex, which ends with `exec "$codex" "$@"`; returns its path. */
export function wrappedCodex({ codexPath, home }: RealCodex, script: string): string {
  const path = join(home, "codex-wrapper.sh");
  writeFileSync(path, `#!/bin/sh\ncodex='${codexPath}'\n${script}\nexec "$codex" "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Runs codex where it cannot make the namespaces that its sandbox consists of; nothing else on the machine feels it. */
export const WITHOUT_NAMESPACES = `exec unshare --user --map-root-user sh -c '
  echo 0 > /proc/sys/user/max_user_namespaces
  exec setpriv --bounding-set=-all --inh-caps=-all "$@"' sh "$codex" "$@"`;

/** Starts what stands in for the server that renews logins, and says that this one is too old. Returns its address. */
export async function refusingLoginServer(): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(401, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { code: "refresh_token_expired", message: "expired" } }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `http://127.0.0.1:${address.port}/oauth/token`;
}

/** Returns the text of an `auth.json`: a login by ChatGPT account that was good until an hour ago. */
export function expiredLogin(): string {
  const expiredMs = Date.now() - 3_600_000;
  const account = { chatgpt_plan_type: "plus", chatgpt_account_id: "a", chatgpt_user_id: "u" };
  const claims = { email: "a@b.c", exp: Math.floor(expiredMs / 1_000), "https://api.openai.com/auth": account };
  const token = [{ alg: "none" }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  const jwt = `${token.join(".")}.c2ln`;
  return JSON.stringify({
    OPENAI_API_KEY: null,
    tokens: { id_token: jwt, access_token: jwt, refresh_token: "r", account_id: "a" },
    last_refresh: new Date(expiredMs - 30 * 86_400_000).toISOString(),
  });
}
