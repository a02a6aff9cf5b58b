import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
const COLOURS_MAX = 256;
/** Of IHDR: eight bits a sample, in red, green and blue, or an index into the palette. */
const [RGB, INDEXED] = [2, 3];
const BYTES_RGB = 3;

interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of each, row by row. */
  readonly rgb: Buffer;
}

/**
 * Returns a screenshot as a PNG of at most 256 colours, which takes a third of the bytes: what shows stays as it is, and shades at the
 * edges of letters become the nearest ones.
 *
 * @param png as Chromium writes it: eight bits, red, green and blue, not interlaced
 * @throws Error for any other
 */
export function smallPng(png: Buffer): Buffer {
  const { width, height, rgb } = decode(png);
  const counts = new Map<number, number>();
  for (let at = 0; at < rgb.length; at += BYTES_RGB) {
    const colour = rgb.readUIntBE(at, BYTES_RGB);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const palette = paletteOf(counts);
  const index = new Map(palette.map((colour, place) => [colour, place]));
  const rows = Buffer.alloc(height * (width + 1)); // Each row begins with its filter: none.
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const colour = rgb.readUIntBE(pixel * BYTES_RGB, BYTES_RGB);
    let place = index.get(colour);
    if (place === undefined) {
      place = nearestPlace(palette, colour);
      index.set(colour, place);
    }
    rows[Math.floor(pixel / width) * (width + 1) + 1 + (pixel % width)] = place;
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, INDEXED], 8);
  const colours = Buffer.concat(
    palette.map((colour) => Buffer.from([colour >> 16, (colour >> 8) & 255, colour & 255])),
  );
  const data = deflateSync(rows, { level: 9, memLevel: 9 });
  const parts = [chunk("IHDR", head), chunk("PLTE", colours), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([SIGNATURE, ...parts]);
}

/** Each next colour is the one that is worst off without it: how far the nearest one is, for all of its pixels. So a small dot keeps its colour. */
function paletteOf(counts: ReadonlyMap<number, number>): readonly number[] {
  const left = [...counts].map(([colour, count]) => ({ colour, count, away: Number.MAX_SAFE_INTEGER }));
  const palette: number[] = [];
  while (palette.length < COLOURS_MAX) {
    const next = left.reduce(
      (worst, one) => (one.count * one.away > worst.count * worst.away ? one : worst),
      left[0] ?? NONE,
    );
    if (next.away === 0) break;
    palette.push(next.colour);
    for (const one of left) one.away = Math.min(one.away, distance(one.colour, next.colour));
  }
  return palette;
}

const NONE = { colour: 0, count: 0, away: 0 };

function nearestPlace(palette: readonly number[], colour: number): number {
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (const [place, other] of palette.entries()) {
    const away = distance(colour, other);
    if (away < least) [best, least] = [place, away];
  }
  return best;
}

function distance(one: number, other: number): number {
  return [16, 8, 0].reduce((sum, shift) => sum + (((one >> shift) & 255) - ((other >> shift) & 255)) ** 2, 0);
}

function decode(png: Buffer): Pixels {
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  if (!png.subarray(0, 8).equals(SIGNATURE) || png[24] !== 8 || png[25] !== RGB || png[28] !== 0)
    throw new Error("expected a PNG of eight bits in red, green and blue, not interlaced");
  const data: Buffer[] = [];
  for (let at = SIGNATURE.length; at < png.length; ) {
    const size = png.readUInt32BE(at);
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") data.push(png.subarray(at + 8, at + 8 + size));
    at += 12 + size;
  }
  return { width, height, rgb: unfiltered(inflateSync(Buffer.concat(data)), width * BYTES_RGB, height) };
}

/** Takes back the filters of the rows: a byte is kept as what it differs from its neighbours by. */
function unfiltered(raw: Buffer, rowBytes: number, height: number): Buffer {
  const out = Buffer.alloc(rowBytes * height);
  for (let row = 0; row < height; row += 1) {
    const filter = raw[row * (rowBytes + 1)] ?? 0;
    for (let column = 0; column < rowBytes; column += 1) {
      const at = row * rowBytes + column;
      const left = column < BYTES_RGB ? 0 : (out[at - BYTES_RGB] ?? 0);
      const above = row === 0 ? 0 : (out[at - rowBytes] ?? 0);
      const corner = row === 0 || column < BYTES_RGB ? 0 : (out[at - rowBytes - BYTES_RGB] ?? 0);
      const guess = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter] ?? 0;
      out[at] = (raw[row * (rowBytes + 1) + 1 + column] ?? 0) + guess;
    }
  }
  return out;
}

/** The neighbour that is nearest to what the three of them suggest. */
function paeth(left: number, above: number, corner: number): number {
  const [a, b, c] = [left, above, corner].map((one) => Math.abs(left + above - corner - one)) as [
    number,
    number,
    number,
  ];
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}

function chunk(name: string, data: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([size, body, sum]);
}
