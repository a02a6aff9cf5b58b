import { crc32, deflateSync, inflateSync } from "node:zlib";
import { expect, it } from "vitest";
import { smallPng } from "./small-png.ts";

/** A PNG of two pixels a row, of rows that hold their filter and their bytes. */
function png(rows: readonly (readonly number[])[]): Buffer {
  const chunk = (name: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    size.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([size, body, sum]);
  };
  const head = Buffer.from([0, 0, 0, 2, 0, 0, rows.length >> 8, rows.length & 255, 8, 2, 0, 0, 0]);
  const data = deflateSync(Buffer.from(rows.flat()));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const parts = [chunk("IHDR", head), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([signature, ...parts]);
}

/** The chunk of this name. */
function part(of: Buffer, name: string): Buffer {
  const at = of.indexOf(name, 8, "latin1");
  return of.subarray(at + 4, at + 4 + of.readUInt32BE(at - 4));
}

it("keeps every pixel of a picture of few colours, whatever its rows were filtered by", () => {
  const pictures = [0, 1, 2, 3, 4].map((filter) =>
    png([
      [0, 9, 8, 7, 1, 2, 3],
      [filter, 1, 2, 3, 4, 5, 6],
    ]),
  );
  const second = [
    [1, 2, 3, 4, 5, 6],
    [1, 2, 3, 5, 7, 9],
    [10, 10, 10, 5, 7, 9],
    [5, 6, 6, 7, 9, 10],
    [10, 10, 10, 5, 7, 13],
  ];
  for (const [index, picture] of pictures.entries()) {
    const small = smallPng(picture);
    const [palette, rows] = [part(small, "PLTE"), inflateSync(part(small, "IDAT"))];
    const pixels = [1, 2, 4, 5].flatMap((at) => [...palette.subarray((rows[at] ?? 0) * 3, (rows[at] ?? 0) * 3 + 3)]);
    expect([index, pixels]).toEqual([index, [9, 8, 7, 1, 2, 3, ...(second[index] ?? [])]]);
  }
});

it("gives a rare colour the nearest of the frequent ones, and refuses what is no such picture", () => {
  const grey = (level: number): readonly number[] => [level, level, level];
  const frequent = Array.from({ length: 256 }, (_, level) => [0, ...grey(level), ...grey(level)]);
  const small = smallPng(png([...frequent.slice(0, 255), [0, ...grey(255), 200, 201, 200]]));
  const [palette, rows] = [part(small, "PLTE"), inflateSync(part(small, "IDAT"))];
  expect(palette).toHaveLength(768);
  expect(palette[(rows.at(-1) ?? 0) * 3]).toBe(200);
  expect(() => smallPng(small)).toThrow(/^expected a PNG of eight bits/);
});
