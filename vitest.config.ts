import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Rules without I/O, which leave nothing behind in the process that ran them. */
const PURE = ["test/task/**/*.test.ts"];

/** Take 10 s and more: they begin first, so that no core waits for the last of them. */
const LONGEST = ["e2e/failures/", "e2e/crash/", "e2e/git/", "e2e/", "bench/", "model-server/"];

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
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,

    setupFiles: ["test/support/setup.ts"],
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: "rules", include: PURE, isolate: false } },
      { extends: true, test: { name: "rest", include: ["test/**/*.test.ts"], exclude: PURE } },
    ],
  },
});
