import { accessSync, constants, statfsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Every process that a test starts has it: one that runs the TypeScript of the sources starts with a third of the work, since Node
// then neither loads its compiler nor strips a type. Beside the code, where none but us writes.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "node_modules/.cache/tested-sources");

/**
 * Files that change the process they run in (its environment, its modules) or count what it holds: each has one of its own. That costs
 * half a second and more, since everything is loaded and compiled again, so the others share theirs.
 */
const ALONE = [
  "test/growth.test.ts",
  "test/app/serve/{lean-heap,trusted-path}.test.ts",
  "test/git/gate/stale-lock.test.ts",
  "test/git/process/{no-descriptors,stopped-git}.test.ts",
  "test/intake/inbox/watch/*.test.ts",
  "test/intake/inbox/watch-limits.test.ts",
  "test/run/worker/launcher/*.test.ts",
  "test/run/workplace/worktrees/filters.test.ts",
];

/**
 * What a sandbox must not let happen is tried where nothing else prevents it: it puts a /dev of its own over the file system in memory.
 * (claim: about two file systems.)
 */
const ON_DISK = [
  "test/run/{sandbox,verify,worker/processes}/*.test.ts",
  "test/run/codex/*.test.ts",
  "test/run/driver-contract.test.ts",
  "test/e2e/{own-code,planted-repositories,real-codex,rights,secrets,submitting}.test.ts",
  "test/e2e/worktrees/*.test.ts",
  "test/e2e/failures/verify.test.ts",
  "test/e2e/git/homes.test.ts",
  "test/intake/inbox/claim/claim.test.ts",
];

/** Every test makes folders and removes them again: in memory that takes a sixth of the suite's processor time less than on a disk. */
const IN_MEMORY = hasRoom("/dev/shm") ? { TMPDIR: "/dev/shm" } : {};

function hasRoom(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize > 2 ** 31;
  } catch {
    return false;
  }
}

/** Take 10 s and more: they begin first, so that no core waits for the last of them. */
const LONGEST = ["e2e/crash/", "e2e/failures/", "e2e/git/", "e2e/", "bench/", "git/commit/", "run/", "model-server/"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const index = LONGEST.findIndex((part) => moduleId.includes(`/test/${part}`));
      return index === -1 ? LONGEST.length : index;
    };
    const sorted = await super.sort(files);
    return sorted.sort((one, other) => rank(one) - rank(other));
  }
}

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 4, // Of two cores: much of the time of the tests is waiting for processes of theirs.
    maxConcurrency: 3,

    globalSetup: ["test/support/global-setup.ts"],
    setupFiles: ["test/support/setup.ts"],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "together",
          include: ["test/**/*.test.ts"],
          exclude: [...ALONE, ...ON_DISK],
          isolate: false,
          env: IN_MEMORY,
        },
      },
      { extends: true, test: { name: "alone", include: ALONE, exclude: ON_DISK, env: IN_MEMORY } },
      { extends: true, test: { name: "on disk", include: ON_DISK, isolate: false } },
    ],
  },
});
