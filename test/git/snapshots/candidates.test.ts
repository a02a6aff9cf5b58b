import { expect, it } from "vitest";
import { worldFaultCode } from "../../../src/base/world-fault.ts";
import { GitError } from "../../../src/git/process/git-process.ts";
import { isDiskFull, SnapshotRefusedError } from "../../../src/git/snapshots/candidates.ts";

/** What git 2.39 and the system say on a disk that is full, as they were seen. */
it.each<{ name: string; error: unknown; isFull: boolean }>([
  {
    name: "an index that git cannot write",
    error: new GitError("git read-tree: fatal: sha1 file '/r/.git/index.lock' write error. Out of diskspace"),
    isFull: true,
  },
  {
    name: "an object that git cannot write",
    error: new GitError("git update-index: error: unable to write file: No space left on device"),
    isFull: true,
  },
  { name: "a file that we cannot", error: Object.assign(new Error("write"), { code: "ENOSPC" }), isFull: true },
  { name: "another failure of git", error: new GitError("git read-tree: fatal: not a tree object"), isFull: false },
  { name: "another error", error: Object.assign(new Error("Out of diskspace"), { code: "EACCES" }), isFull: false },
])("$name tells whether the disk is full", ({ error, isFull }) => expect(isDiskFull(error)).toBe(isFull));

it("a snapshot that had no room is tried again, as what the system itself says of a full disk", () => {
  expect(worldFaultCode(new SnapshotRefusedError("the disk is full", "ENOSPC"))).toBe("ENOSPC");
  expect(worldFaultCode(new SnapshotRefusedError("there is too much of it"))).toBeUndefined();
});
