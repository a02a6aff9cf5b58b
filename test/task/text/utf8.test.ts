import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeUtf8, invalidUtf8Offset } from "../../../src/task/text/utf8.ts";

it("finds fault with the same bytes as the decoder", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc
      .array(fc.constantFrom(0x41, 0x80, 0xbf, 0xc1, 0xc2, 0xe0, 0xa0, 0xed, 0x9f, 0xf0, 0x90, 0xf4, 0x8f, 0xf5))
      .map((list) => Uint8Array.from(list)),
  );
  fc.assert(
    fc.property(bytes, (input) => {
      const offset = invalidUtf8Offset(input);
      expect(offset === undefined).toBe(decodeUtf8(input) !== undefined);
      if (offset !== undefined) expect(decodeUtf8(input.subarray(0, offset))).toBeDefined();
    }),
    { numRuns: 5_000 },
  );
});
