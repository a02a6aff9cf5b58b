/**
 * Returns few of `steps` with which a history still fails: halves are left out, then quarters, at last single steps. What depends on the
 * machine's timing may be kept though it is not needed, never the other way round.
 *
 * @param fails plays the history with these steps alone
 */
export async function shrink(
  steps: readonly number[],
  fails: (steps: readonly number[]) => Promise<boolean>,
): Promise<readonly number[]> {
  let kept = steps;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = Math.floor(size / 2))
    for (let from = 0; from < kept.length; ) {
      const rest = kept.toSpliced(from, size);
      if (rest.length > 0 && (await fails(rest))) kept = rest;
      else from += size;
    }
  return kept;
}
