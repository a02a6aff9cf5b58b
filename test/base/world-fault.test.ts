import { expect, it } from "vitest";
import { createWorldFaults, worldFaultCode } from "../../src/base/world-fault.ts";

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
