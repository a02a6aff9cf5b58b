import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tempDir } from "../support/temp-dir.ts";

const LAYER = join(import.meta.dirname, "../fixtures/fault-layer.mjs");

it.each<{ name: string; endAtOp: number; kept: string }>([
  { name: "in the middle of what was not synced", endAtOp: 3, kept: "one\n" },
  { name: "before anything was written", endAtOp: 1, kept: "" },
])(
  "a power cut at a change of a file, $name, ends the process there and takes what was not synced",
  ({ endAtOp, kept }) => {
    const dir = tempDir();
    const faults = join(dir, "faults.json");
    const journal = join(dir, ".git/codex-inbox/journal/open/task.jsonl");
    mkdirSync(join(journal, ".."), { recursive: true });
    writeFileSync(journal, "");
    writeFileSync(faults, JSON.stringify({ endAtOp }));
    const script = `
    import { appendFileSync } from "node:fs";
    appendFileSync(process.argv[1], "one\\n", { flush: true });
    appendFileSync(process.argv[1], "two\\n");
    appendFileSync(process.argv[1], "three\\n");
    console.log("it went on");`;
    const end = spawnSync(process.execPath, ["--import", LAYER, "--input-type=module", "--eval", script, journal], {
      env: { TORTURE_FAULTS: faults, TORTURE_ACTION: "power" },
      encoding: "utf8",
    });
    expect(end).toMatchObject({ signal: "SIGKILL", stdout: "", stderr: "" });
    expect(readFileSync(journal, "utf8")).toBe(kept);
  },
);

it("a power cut takes what was not synced also where a synced folder has grown since", () => {
  const dir = tempDir();
  const faults = join(dir, "faults.json");
  const done = join(dir, ".git/codex-inbox/journal/done");
  mkdirSync(done, { recursive: true });
  writeFileSync(faults, "{}");
  // Other names than a few make a folder larger on every file system; what was opened last would be cut last.
  const script = `
    import { appendFileSync, fsyncSync, openSync, writeFileSync } from "node:fs";
    const [done] = process.argv.slice(1);
    fsyncSync(openSync(done, "r"));
    for (let n = 0; n < 500; n += 1) writeFileSync(done + "/a-longer-name-of-a-file-" + n, "");
    appendFileSync(done + "/task.jsonl", "one\\n", { flush: true });
    appendFileSync(done + "/task.jsonl", "two\\n");
    process.kill(process.pid, "SIGKILL");`;
  const end = spawnSync(process.execPath, ["--import", LAYER, "--input-type=module", "--eval", script, done], {
    env: { TORTURE_FAULTS: faults, TORTURE_ACTION: "power" },
    encoding: "utf8",
  });
  expect(end).toMatchObject({ signal: "SIGKILL", stdout: "", stderr: "" });
  expect(readFileSync(join(done, "task.jsonl"), "utf8")).toBe("one\n");
});

it("a call that is to fail does so once, and what Node makes of others within it is one change", () => {
  const dir = tempDir();
  const faults = join(dir, "faults.json");
  writeFileSync(faults, JSON.stringify({ rules: [{ where: "full", code: "ENOSPC", share: 1 }], endAtOp: 3 }));
  mkdirSync(join(dir, ".git"));
  const script = `
    import { appendFileSync, writeFileSync } from "node:fs";
    const [dir] = process.argv.slice(1);
    for (const name of ["full", "room"])
      try { appendFileSync(dir + "/.git/" + name, "x"); console.log(name + ": written"); } catch ({ code }) { console.log(name + ": " + code); }
    writeFileSync(dir + "/.git/last", Buffer.from("x"));
    console.log("it went on");`;
  const end = spawnSync(process.execPath, ["--import", LAYER, "--input-type=module", "--eval", script, dir], {
    env: { TORTURE_FAULTS: faults },
    encoding: "utf8",
  });
  expect(end).toMatchObject({ signal: "SIGKILL", stdout: "full: ENOSPC\nroom: written\n", stderr: "" });
});
