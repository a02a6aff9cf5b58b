/** What is smaller is not worth it: nothing is saved by a delta of some ten bytes against an object of the same size. */
const SIZE_MIN = 256;
/** What one instruction may copy or insert, in bytes. */
const COPIED_MAX = 0xffff;
const INSERTED_MAX = 0x7f;

/**
 * Returns the instructions by which git makes `target` from `base`, where the two differ in one place alone: entries put into a tree,
 * lines added to a file. `undefined` where that would take more than half of the target.
 */
export function formatDelta(base: Uint8Array, target: Uint8Array): Buffer | undefined {
  if (target.length < SIZE_MIN) return undefined;
  const shorter = Math.min(base.length, target.length);
  let before = 0;
  while (before < shorter && base[before] === target[before]) before += 1;
  let after = 0;
  while (after < shorter - before && base[base.length - 1 - after] === target[target.length - 1 - after]) after += 1;
  const inserted = target.subarray(before, target.length - after);
  if (inserted.length > target.length / 2) return undefined;
  return Buffer.concat([
    size(base.length),
    size(target.length),
    ...copies(0, before),
    ...insertions(inserted),
    ...copies(base.length - after, after),
  ]);
}

/** Seven bits in each byte, the least first. */
function size(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** A bit of the first byte for each byte of offset and length that follows; those that are zero are left out. */
function copies(from: number, length: number): readonly Buffer[] {
  const all: Buffer[] = [];
  for (let done = 0; done < length; done += COPIED_MAX) {
    const offset = from + done;
    const count = Math.min(length - done, COPIED_MAX);
    const bytes = [offset, offset >>> 8, offset >>> 16, offset >>> 24, count, count >>> 8].map((byte) => byte & 0xff);
    const first = bytes.reduce((bits, byte, at) => (byte === 0 ? bits : bits | (1 << at)), 0x80);
    all.push(Buffer.from([first, ...bytes.filter((byte) => byte !== 0)]));
  }
  return all;
}

function insertions(bytes: Uint8Array): readonly Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let done = 0; done < bytes.length; done += INSERTED_MAX) {
    const part = bytes.subarray(done, done + INSERTED_MAX);
    all.push(Buffer.from([part.length]), part);
  }
  return all;
}
