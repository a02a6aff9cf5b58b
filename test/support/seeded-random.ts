/**
 * Returns the seed for the random choices of a test, and prints it: `TEST_SEED=<the seed> npx vitest run <the file>` repeats them.
 * Properties take it too (test/support/setup.ts), and print theirs where they fail.
 */
export function testSeed(test: string): number {
  const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
  console.log(`${test}: TEST_SEED=${seed}`);
  return seed;
}

/** Random choices that a seed repeats. */
export interface SeededRandom {
  /** In [0, 1). */
  next(): number;
  /** Returns a whole number from 0 to `limit` - 1. */
  below(limit: number): number;
  pick<Value>(items: readonly [Value, ...Value[]]): Value;
  /** Returns true in `share` (0 to 1) of all cases. */
  chance(share: number): boolean;
}

/**
 * Returns the choices of one turn. Each turn has its own, so that one which draws more than in another run (because the
 * repository looks otherwise there) changes nothing for those after it.
 */
export function seededRandom(seed: number, turn = 0): SeededRandom {
  let state = (Math.imul(seed, 0x9e37_79b1) ^ Math.imul(turn + 1, 0x85eb_ca6b)) >>> 0;
  /** mulberry32, by Tommy Ettinger (public domain). */
  const next = (): number => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  return {
    next,
    below: (limit) => Math.floor(next() * limit),
    pick: (items) => items[Math.floor(next() * items.length)] ?? items[0],
    chance: (share) => next() < share,
  };
}
