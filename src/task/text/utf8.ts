/** Returns the text of `bytes`, a byte order mark included, or `undefined` where they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined; // A fatal decoder throws for nothing else; invalidUtf8Offset says where.
  }
}

/** Returns the offset of the first byte that is no part of well-formed UTF-8, or `undefined` where all are. */
export function invalidUtf8Offset(bytes: Uint8Array): number | undefined {
  let offset = 0;
  while (offset < bytes.length) {
    const length = sequenceLength(bytes, offset);
    if (length === 0) return offset;
    offset += length;
  }
  return undefined;
}

/** Returns how many bytes `text` takes as UTF-8. */
export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Returns the length of the sequence at `offset`, 0 where it is malformed (table 3-7 of the Unicode standard). */
function sequenceLength(bytes: Uint8Array, offset: number): number {
  const first = bytes[offset] ?? 0;
  if (first < 0x80) return 1;
  const second = bytes[offset + 1] ?? 0;
  if (first >= 0xc2 && first <= 0xdf) return isContinuation(second) ? 2 : 0;
  const third = bytes[offset + 2] ?? 0;
  if (first >= 0xe0 && first <= 0xef) {
    const isRight = isBetween(second, first === 0xe0 ? 0xa0 : 0x80, first === 0xed ? 0x9f : 0xbf);
    return isRight && isContinuation(third) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const isRight = isBetween(second, first === 0xf0 ? 0x90 : 0x80, first === 0xf4 ? 0x8f : 0xbf);
    return isRight && isContinuation(third) && isContinuation(bytes[offset + 3] ?? 0) ? 4 : 0;
  }
  return 0;
}

function isContinuation(byte: number): boolean {
  return isBetween(byte, 0x80, 0xbf);
}

function isBetween(byte: number, low: number, high: number): boolean {
  return byte >= low && byte <= high;
}
