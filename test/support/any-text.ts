import fc from "fast-check";

/** Any text at all: every code point, half surrogates included, with a leaning to ASCII. */
export function anyText(lengthMax = 20): fc.Arbitrary<string> {
  const codePoint = fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 0x7f }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 0x10ffff }) },
  );
  return fc.array(codePoint, { maxLength: lengthMax }).map((codes) => String.fromCodePoint(...codes));
}
