import { seededRandom, testSeed } from "./seeded-random.ts";

/** A run of all tests takes one in so many cases of the crash matrix, in which somebody dies at each of many places. */
const SHARDS = 6;

/** Whether all cases are taken: `npm run torture:points`. */
export const IS_WHOLE_MATRIX = process.env.CODEX_INBOX_CRASHES === "all";

/** Returns the cases that this run takes, drawn by a seed that is printed. */
export function shardOf<Case>(test: string, cases: readonly Case[]): readonly Case[] {
  if (IS_WHOLE_MATRIX) return cases;
  const first = seededRandom(testSeed(test)).below(Math.min(SHARDS, cases.length));
  return cases.filter((_, index) => index % SHARDS === first);
}
