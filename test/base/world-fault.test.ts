import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { CoordinatorError } from "../../src/base/errors.ts";
import { createWorldFaults, worldFaultCode } from "../../src/base/world-fault.ts";
import { tempDir } from "../support/temp-dir.ts";

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

it("a full disk is the world's, also as the cause of another error; a missing file and a plain error are not", () => {
  expect(worldFaultCode(systemError("ENOSPC"))).toBe("ENOSPC");
  expect(worldFaultCode(new Error("no", { cause: new Error("no", { cause: systemError("EMFILE") }) }))).toBe("EMFILE");
  expect(worldFaultCode(systemError("ENOENT"))).toBeUndefined();
  expect(worldFaultCode(new Error("ours"))).toBeUndefined();
});

it("the longest fault is told until its operation succeeds, each attempt waits longer, and it is logged once", () => {
  let nowMs = 5;
  const logged: string[] = [];
  const faults = createWorldFaults({ now: () => nowMs }, (event) => logged.push(event));
  expect(faults.note("write the journal", new Error("ours"))).toBeUndefined();
  expect(faults.current()).toBeUndefined();
  const delays = Array.from({ length: 8 }, () => faults.note("write the journal", systemError("ENOSPC")) ?? 0);
  expect(delays.slice(0, 3)).toEqual([250, 500, 1_000]);
  expect(delays.at(-1)).toBe(10_000);
  nowMs = 9;
  faults.note("read inbox/", systemError("EIO"));
  expect(faults.current()).toEqual({
    reason: "cannot write the journal (ENOSPC): the disk is full: make room on it; it goes on by itself",
    sinceMs: 5,
  });
  faults.clear("write the journal");
  expect(faults.current()).toMatchObject({ reason: expect.stringContaining("read inbox/"), sinceMs: 9 });
  faults.clear("read inbox/");
  expect(faults.current()).toBeUndefined();
  expect(logged).toEqual(["world-fault", "world-fault", "world-ok"]);
});

it("a folder that is away is why whatever fails meanwhile; what git says and a denied permission wait to be mended", () => {
  const home = join(tempDir(), "home");
  const faults = createWorldFaults({ now: () => 5 }, () => undefined, home);
  expect(faults.isPassing(new Error("ours"))).toBe(true);
  faults.note("write the journal", new Error("ours"));
  expect(faults.current()?.reason).toBe(
    `cannot write the journal (ENOENT): ${home} is not there: put it back; it goes on by itself`,
  );
  mkdirSync(home);
  faults.clear("write the journal");
  expect(faults.isPassing(new Error("ours"))).toBe(false);
  expect(faults.note("write the journal", new Error("ours"))).toBeUndefined();
  faults.note("look", new CoordinatorError("GIT", "git ls-files: fatal"));
  expect(faults.current()?.reason).toBe(
    "cannot look (git ls-files: fatal): git status and git fsck say more; it goes on by itself",
  );
  expect(faults.note("look", systemError("EACCES"))).toBeDefined();
  expect(faults.isPassing(systemError("EACCES"))).toBe(false); // Of a run's own file it says that the run is spoiled.
});
