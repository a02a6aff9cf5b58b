import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tempDir } from "../support/temp-dir.ts";
import { STUB_PATH } from "../support/test-runner.ts";
import { waitFor } from "../support/wait-for.ts";
import { tempWorkspace } from "../support/workspace.ts";

const THREAD = '{"type":"thread.started","thread_id":"01a1f983-68c0-73f0-b052-b819acb45957"}';
const NESTED = "[".repeat(20_000) + "]".repeat(20_000);
/** Two and a half times as many as a transcript has entries for. */
const ITEMS = 5_000;

/**
 * A codex that misbehaves as its prompt says, and is the stub for any other prompt. Waits in the work tree for the file "go". A flood is
 * 120 MB in messages, which show in the memory if they are kept, and then a line without an end: what has to be printed until a run is
 * ended (256 MB) counts the same in both, and messages take far longer to be read.
 */
function misbehavingCodex(): string {
  const dir = tempDir();
  const lines = (count: number, item: (n: number) => string): string =>
    Array.from({ length: count }, (_, n) => `{"type":"item.completed","item":${item(n)}}\n`).join("");
  writeFileSync(
    join(dir, "NESTED"),
    lines(3, (n) => `{"id":"item_${n}","type":"new","x":${NESTED}}`),
  );
  writeFileSync(
    join(dir, "ITEMS"),
    lines(ITEMS, (n) => `{"id":"item_${n}","type":"agent_message","text":"${n}"}`),
  );
  writeFileSync(
    join(dir, "LONG"),
    lines(200, (n) => `{"id":"item_${n}","type":"agent_message","text":"${"x".repeat(200_000)}"}`),
  );
  writeFileSync(join(dir, "ENDLESS"), "x".repeat(4_000_000));
  const path = join(dir, "codex.sh");
  writeFileSync(
    path,
    `#!/bin/sh
[ "$1" = exec ] || exec '${STUB_PATH}' "$@"
run=$(dirname "$4"); prompt=$(cat)
hold() { : > "up-$1"; until test -e go; do sleep 0.05; done; }
case $prompt in
  *FLOOD*) echo '${THREAD}'; cat '${dir}/ITEMS' '${dir}/LONG' '${dir}/LONG' '${dir}/LONG'; while :; do cat '${dir}/ENDLESS'; done ;;
  *NESTED*) echo '${THREAD}'; cat '${dir}/NESTED'; hold nested ;;
  *ITEMS*) echo '${THREAD}'; cat '${dir}/ITEMS'; hold items ;;
  *REMOVE*) rm -rf "$run"; hold remove ;;
  *PIPE*) rm "$run/events.jsonl"; mkfifo "$run/events.jsonl"; hold pipe ;;
  *) printf %s "$prompt" | '${STUB_PATH}' "$@"; exit ;;
esac
echo '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}'
`,
  );
  chmodSync(path, 0o755);
  return path;
}

it("runs that misbehave fail alone, also over a restart: the coordinator lives, and the others get their results", {
  timeout: 120_000,
}, async () => {
  const home = tempDir();
  const environment = { CODEX_API_KEY: "none" };
  const workspace = await tempWorkspace({ codex: { codexPath: misbehavingCodex(), home }, environment });
  const settings = { maxWorkers: 8, maxAttempts: 1, retryBaseMs: 50, retryMaxMs: 100 };
  workspace.commitSettings(settings);
  const held = ["nested", "items", "remove", "pipe"];
  for (const name of held) workspace.drop(`${name}/task.md`, `${name.toUpperCase()}\n`);
  workspace.drop("flood/task.md", "FLOOD\n");
  workspace.drop("good/task.md", "Behaves. [[final: fine]]\n");

  const first = workspace.serve({ isOptimised: true });
  await waitFor(() => held.every((name) => existsSync(join(workspace.dir, `up-${name}`))), {
    what: "the runs",
    timeoutMs: 20_000,
  });
  await first.kill();
  workspace.repo.write("go", "");
  const second = workspace.serve({ isOptimised: true });
  await waitFor(() => workspace.results.tasks().length === 6, { what: "all results", timeoutMs: 90_000 });
  const peakKb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${second.pid}/status`, "utf8"))?.[1]);
  console.log(`the coordinator took at most ${Math.round(peakKb / 1024)} MB`);
  expect(peakKb / 1024).toBeLessThan(250); // It is about 150; with the messages kept it would be more than this.
  workspace.drop("good/after.md", "Afterwards. [[final: fine too]]\n");
  await waitFor(() => workspace.results.tasks().length === 7, { what: "the last result", timeoutMs: 20_000 });
  second.signal("SIGTERM");
  expect(await second.ended).toEqual({ code: 0, signal: null });

  const of = (title: string) => workspace.results.task(title).frontMatter;
  expect(of("Behaves")).toMatchObject({ status: "succeeded" });
  expect(of("Afterwards")).toMatchObject({ status: "succeeded" });
  expect(of("NESTED")).toMatchObject({ status: "succeeded" });
  expect(of("ITEMS")).toMatchObject({ status: "succeeded" });
  expect(of("FLOOD")).toMatchObject({ status: "failed", failure: "printedTooMuch", reason: "printed too much" });
  expect(of("REMOVE").status).toMatch(/^(succeeded|failed)$/); // It may be read while it is open, and is gone for the next reader.
  expect(of("PIPE")).toMatchObject({ status: "failed", reason: expect.stringMatching(/no plain file/) });
  expect(workspace.results.transcript("items").length).toBeLessThan(2_100);
});
