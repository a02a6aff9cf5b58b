import { expect, it } from "vitest";
import { waitFor } from "./wait-for.ts";

it("returns what the condition gives once it is neither false nor undefined", async () => {
  const answers = [undefined, false, 0] as const;
  let asked = 0;
  expect(await waitFor(() => answers[asked++], { what: "an answer", intervalMs: 1 })).toBe(0);
  expect(asked).toBe(3);
});

it("says what it waited for when time is up", async () => {
  await expect(waitFor(() => false, { what: "a miracle", timeoutMs: 20 })).rejects.toThrow(
    "waited 20 ms for a miracle",
  );
});
