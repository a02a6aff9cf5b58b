/**
 * Returns `text` if it has at most `limitBytes` bytes of UTF-8, else its head and its tail with a note between them that says
 * how much is missing. Head and tail together have at most `limitBytes`; no character is cut in two.
 */
export function excerpt(text: string, limitBytes: number): string {
  if (text.length * 3 <= limitBytes) return text.toWellFormed();
  const bytes = Buffer.from(text);
  if (bytes.length <= limitBytes) return text.toWellFormed();
  const headEnd = characterStart(bytes, Math.ceil(limitBytes / 2));
  const tailStart = nextCharacter(bytes, bytes.length - Math.floor(limitBytes / 2));
  const head = bytes.toString("utf8", 0, headEnd);
  const tail = bytes.toString("utf8", tailStart);
  return `${head}\n[… ${tailStart - headEnd} bytes left out …]\n${tail}`;
}

function characterStart(bytes: Buffer, from: number): number {
  let index = from;
  while (index > 0 && isContinuation(bytes[index])) index -= 1;
  return index;
}

function nextCharacter(bytes: Buffer, from: number): number {
  let index = from;
  while (index < bytes.length && isContinuation(bytes[index])) index += 1;
  return index;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
