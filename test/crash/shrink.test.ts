import fc from "fast-check";
import { expect, it } from "vitest";
import { shrink } from "./shrink.ts";

it("a history is shrunk to the steps that it fails by", async () => {
  const steps = Array.from({ length: 20 }, (_, number) => number);
  await fc.assert(
    fc.asyncProperty(fc.subarray(steps, { minLength: 1, maxLength: 4 }), async (needed) => {
      let plays = 0;
      const found = await shrink(steps, async (some) => {
        plays += 1;
        return needed.every((step) => some.includes(step));
      });
      expect(found).toEqual(needed);
      expect(plays).toBeLessThan(80);
    }),
  );
});

it("a history that fails no more once anything is left out stays whole", async () => {
  expect(await shrink([0, 1, 2], async () => false)).toEqual([0, 1, 2]);
});
