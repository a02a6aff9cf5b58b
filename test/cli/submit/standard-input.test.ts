import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { readInput } from "../../../src/cli/submit/standard-input.ts";

const WANTED = { evenTyped: false, isMore: false };
const warn = (): void => undefined;

function read(...chunks: readonly Uint8Array[]): Promise<string> {
  return readInput(WANTED, warn, Readable.from(chunks));
}

it("is read whole, byte for byte, wherever a character is cut", async () => {
  const text = Buffer.from("\uFEFF---\r\ntitle: Ä\n---\nFix it.");
  expect(await read(text.subarray(0, 16), text.subarray(16))).toBe(text.toString("utf8"));
  expect(await read()).toBe("");
});

it("is refused where it is no text, as a file is, and where it does not end", async () => {
  await expect(read(Buffer.from([0x46, 0xff]))).rejects.toMatchObject({
    ...{ code: "TASK_FILE", message: "standard input is not UTF-8 text" },
  });
  let given = 0;
  const endless = async function* () {
    for (;;) {
      given += 1;
      yield Buffer.alloc(1024 * 1024, 97);
    }
  };
  await expect(readInput(WANTED, warn, Readable.from(endless()))).rejects.toMatchObject({
    ...{ code: "TASK_FILE", message: "standard input has more than 5242880 bytes, which no task takes" },
  });
  expect(given).toBeLessThan(30);
});
