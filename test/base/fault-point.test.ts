import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FAULT_POINTS } from "../../src/base/fault-point.ts";
import { type LineProcess, startLineProcess } from "../support/line-process.ts";
import { tempDir } from "../support/temp-dir.ts";

const KILLED = { code: null, signal: "SIGKILL" };

function startWith(fault: string): LineProcess {
  return startLineProcess("fault-process.ts", { environment: { CODEX_INBOX_FAULT: fault } });
}

it("dies by SIGKILL at the named point, and at no other", async () => {
  const child = startWith("run:spawned");
  for (const name of FAULT_POINTS.filter((point) => point !== "run:spawned")) {
    expect(await child.ask(name)).toBe(`passed ${name}`);
  }
  await expect(child.ask("run:spawned")).rejects.toThrow("signal SIGKILL");
  expect(await child.ended).toEqual(KILLED);
});

it("dies when the point is reached for the n-th time", async () => {
  const child = startWith("commit:done#3");
  expect(await child.ask("commit:done")).toBe("passed commit:done");
  expect(await child.ask("finish:retired")).toBe("passed finish:retired");
  expect(await child.ask("commit:done")).toBe("passed commit:done");
  await expect(child.ask("commit:done")).rejects.toThrow("signal SIGKILL");
  expect(await child.ended).toEqual(KILLED);
});

it("counts from when the file is there that it is told of", async () => {
  const from = join(tempDir(), "from");
  const environment = { CODEX_INBOX_FAULT: "commit:done", CODEX_INBOX_FAULT_FROM: from };
  const child = startLineProcess("fault-process.ts", { environment });
  expect(await child.ask("commit:done")).toBe("passed commit:done");
  writeFileSync(from, "");
  await expect(child.ask("commit:done")).rejects.toThrow("signal SIGKILL");
});

it("passes every point when no fault is asked for", async () => {
  const child = startWith("");
  for (const name of FAULT_POINTS) expect(await child.ask(name)).toBe(`passed ${name}`);
  expect(await child.end()).toEqual({ code: 0, signal: null });
});

it.each(["run:spawn", "run:spawned#0", "run:spawned#x", "#2"])("refuses to start with the fault %j", async (fault) => {
  const child = startWith(fault);
  expect(await child.ended).toEqual({ code: 1, signal: null });
  expect(child.stderr()).toContain(`CODEX_INBOX_FAULT: there is no fault point "${fault}"`);
});
