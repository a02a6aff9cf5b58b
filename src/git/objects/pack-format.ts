import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { crc32, deflateSync } from "node:zlib";
import { formatDelta } from "./delta-format.ts";
import type { ObjectFormat, ObjectType } from "./object-format.ts";

/** An object to be packed: its id in hexadecimal, and its content without a header. */
export interface PackedObject {
  readonly id: string;
  readonly type: ObjectType;
  readonly content: Uint8Array;
  /** The id of an object that it differs little from: where the pack holds that before it, it may be written as a delta. */
  readonly like?: string | undefined;
}

/** A pack and its index (version 2 of both), as git's own tools write them. */
export interface Pack {
  /** What "pack-<name>.pack" is called: the checksum of the pack. */
  readonly name: string;
  readonly pack: readonly Uint8Array[];
  readonly index: readonly Uint8Array[];
}

const TYPE_NUMBERS: Readonly<Record<ObjectType, number>> = { commit: 1, tree: 2, blob: 3, tag: 4 };
/** A delta of an object of the same pack, which is named by how far it lies before. */
const OFFSET_DELTA = 6;
/** Who reads an object applies all deltas that it stands on; git's own packs go to 50. */
const DELTA_DEPTH_MAX = 20;
/** Other work gets its turn this often. */
const SLICE_MS = 8;

/** Packs `objects`, each once. Less than 2 GB. */
export async function formatPack(objects: readonly PackedObject[], format: ObjectFormat): Promise<Pack> {
  const hash = createHash(format);
  const pack: Uint8Array[] = [];
  let offset = 0;
  const append = (bytes: Uint8Array): void => {
    hash.update(bytes);
    pack.push(bytes);
    offset += bytes.length;
  };
  append(Buffer.concat([Buffer.from("PACK"), numbers([2, objects.length])]));
  const entries: IndexEntry[] = [];
  const packed = new Map<string, Packed>();
  let sliceMs = performance.now();
  for (const object of objects) {
    const { id } = object;
    const base = object.like === undefined ? undefined : packed.get(object.like);
    const delta = base === undefined ? undefined : deltaOf(base, object);
    const bytes =
      base === undefined || delta === undefined ? formatWhole(object) : formatOnBase(delta, offset - base.offset);
    packed.set(id, { object, offset, depth: base === undefined || delta === undefined ? 0 : base.depth + 1 });
    entries.push({ id, offset, crc: crc32(bytes) });
    append(bytes);
    if (performance.now() - sliceMs < SLICE_MS) continue;
    await nextTurn();
    sliceMs = performance.now();
  }
  const checksum = hash.digest();
  return { name: checksum.toString("hex"), pack: [...pack, checksum], index: formatIndex(entries, checksum, format) };
}

interface Packed {
  readonly object: PackedObject;
  readonly offset: number;
  /** How many deltas it stands on. */
  readonly depth: number;
}

/** Returns `undefined` where it would stand on too many, or is not worth it. */
function deltaOf({ object, depth }: Packed, { type, content }: PackedObject): Buffer | undefined {
  return depth >= DELTA_DEPTH_MAX || object.type !== type ? undefined : formatDelta(object.content, content);
}

function formatWhole({ type, content }: PackedObject): Buffer {
  return Buffer.concat([entryHeader(TYPE_NUMBERS[type], content.length), compress(content)]);
}

/** @param distance from the beginning of the base's entry to that of this one, in bytes */
function formatOnBase(delta: Buffer, distance: number): Buffer {
  // Seven bits in each byte, the greatest first; each but the last stands for one more than it says.
  const bytes = [distance & 0x7f];
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest -= 1;
    bytes.unshift((rest & 0x7f) | 0x80);
  }
  return Buffer.concat([entryHeader(OFFSET_DELTA, delta.length), Buffer.from(bytes), compress(delta)]);
}

interface IndexEntry {
  readonly id: string;
  readonly offset: number;
  readonly crc: number;
}

function formatIndex(entries: readonly IndexEntry[], checksum: Buffer, format: ObjectFormat): readonly Uint8Array[] {
  const sorted = entries.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const counts = new Array<number>(256).fill(0);
  for (const { id } of sorted) {
    const first = Number.parseInt(id.slice(0, 2), 16);
    counts[first] = (counts[first] ?? 0) + 1;
  }
  let sum = 0;
  const fanOut = counts.map((count) => {
    sum += count;
    return sum;
  });
  const parts = [
    Buffer.from([0xff, 0x74, 0x4f, 0x63]),
    numbers([2, ...fanOut]),
    Buffer.from(sorted.map(({ id }) => id).join(""), "hex"),
    numbers(sorted.map(({ crc }) => crc)),
    numbers(sorted.map(({ offset }) => offset)),
    checksum,
  ];
  const hash = createHash(format);
  for (const part of parts) hash.update(part);
  return [...parts, hash.digest()];
}

/** The type and the size before compression: four bits of the size in the first byte, then seven in each. */
function entryHeader(type: number, size: number): Buffer {
  const bytes: number[] = [];
  let rest = Math.floor(size / 16);
  let byte = (type << 4) | (size & 15);
  while (rest > 0) {
    bytes.push(byte | 0x80);
    byte = rest & 0x7f;
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, byte]);
}

function numbers(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

/** With zlib's own settings each of some ten small objects a task takes 280 KB for the moment; these fit the object, and any zlib reads them. */
function compress(content: Uint8Array): Buffer {
  const sizeBits = 32 - Math.clz32(content.length);
  const windowBits = Math.min(Math.max(sizeBits, 9), 15);
  return deflateSync(content, {
    level: 1,
    windowBits,
    memLevel: Math.min(windowBits - 7, 8),
    chunkSize: content.length + (content.length >> 10) + 64, // Whatever it holds, it fits into one.
  });
}
