import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { GitShell } from "../../../src/git/process/git-shell.ts";
import { createListings, type Listing } from "../../../src/git/snapshots/listing.ts";
import { openPrivateIndex } from "../../../src/git/snapshots/private-index.ts";
import { tempDir } from "../../support/temp-dir.ts";

const REPOSITORY = { topDir: "/top", gitDir: "/top/.git", commonDir: "/top/.git" };
const RULES = { top: ["--exclude-standard"], inside: [] };

/** Listings by a git that prints what it is told to, and the times at which it was started. */
async function scene(): Promise<{
  readonly startedAtMs: number[];
  print(text: string): void;
  touchIndex(): void;
  list(askedAtMs: number, ours?: readonly string[]): Promise<Listing>;
}> {
  const path = join(tempDir(), "index");
  writeFileSync(path, "1");
  writeFileSync(`${path}.json`, JSON.stringify({ v: 1, stamp: "", tree: "", rules: [] }));
  const index = await openPrivateIndex({ repository: REPOSITORY, path, environment: {}, begin: async () => "" });
  const startedAtMs: number[] = [];
  let printed = "";
  const git: GitShell = {
    async run() {
      startedAtMs.push(performance.now());
      return { status: 0, stdout: Buffer.from(printed), stderr: "", isLate: false };
    },
  };
  const listings = createListings(git);
  return {
    startedAtMs,
    print(text) {
      printed = text;
    },
    touchIndex: () => writeFileSync(path, "22"),
    list: (askedAtMs, ours = []) => listings.list(REPOSITORY, index, RULES, ours, askedAtMs),
  };
}

it("one that found nothing answers all who asked before it began, and nobody who asked later", async () => {
  const { list, startedAtMs, print } = await scene();
  const askedAtMs = performance.now();
  for (let times = 0; times < 3; times += 1) expect((await list(askedAtMs)).modified).toEqual([]);
  expect(startedAtMs).toHaveLength(1);
  print("C changed\0");
  const [beganAtMs = 0] = startedAtMs;
  expect((await list(beganAtMs)).modified).toEqual(["changed"]);
  expect((await list(performance.now())).modified).toEqual(["changed"]);
  expect(startedAtMs).toHaveLength(3);
});

it("one that found something answers nobody else: what it found is part of the index by then", async () => {
  const { list, startedAtMs, print } = await scene();
  const askedAtMs = performance.now();
  print("? new\0");
  expect((await list(askedAtMs)).untracked).toEqual(["new"]);
  print("");
  expect((await list(askedAtMs)).untracked).toEqual([]);
  expect((await list(askedAtMs)).untracked).toEqual([]);
  expect(startedAtMs).toHaveLength(2);
});

it("one answers no other question, and none after the index was changed", async () => {
  const { list, startedAtMs, touchIndex } = await scene();
  const askedAtMs = performance.now();
  await list(askedAtMs);
  await list(askedAtMs, ["inbox"]);
  await list(askedAtMs, ["inbox"]);
  expect(startedAtMs).toHaveLength(2);
  touchIndex();
  await list(askedAtMs);
  expect(startedAtMs).toHaveLength(3);
});
