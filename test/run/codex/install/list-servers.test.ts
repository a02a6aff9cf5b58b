import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createServerList } from "../../../../src/run/codex/install/list-servers.ts";
import { tempDir } from "../../../support/temp-dir.ts";

/** A codex that answers so, with its folder. */
function list(script: string): () => Promise<readonly string[]> {
  const dir = tempDir();
  const path = join(dir, "codex");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return createServerList({ codexPath: () => path, environment: { PATH: process.env.PATH, CODEX_HOME: dir } });
}

it("names every server, and none where codex cannot work with its configuration: it starts nothing then", async () => {
  expect(await list(`echo '[{"name":"a","enabled":true},{"name":"b.c"}]'`)()).toEqual(["a", "b.c"]);
  expect(await list("echo 'Error: failed to load configuration' >&2; exit 1")()).toEqual([]);
});

it.each([
  { name: "fails otherwise", script: "echo 'no network' >&2; exit 1", says: /no network/ },
  {
    name: "does not know the question",
    script: "echo 'error: unexpected argument' >&2; exit 2",
    says: /unexpected argument/,
  },
  { name: "answers something else", script: "echo '{}'", says: /cannot be switched off/ },
  { name: "is gone", script: "exit 127", says: /cannot be switched off/ },
])("says that nobody knows what would be started where codex $name", async ({ script, says }) => {
  const error = expect.objectContaining({ code: "CODEX", message: expect.stringMatching(says) });
  await expect(list(script)()).rejects.toThrow(error);
});
