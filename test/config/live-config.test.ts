import { rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { CONFIG_FILE } from "../../src/config/config.ts";
import { createLiveConfig, type LiveConfig } from "../../src/config/live-config.ts";
import { tempDir } from "../support/temp-dir.ts";

let writes = 0;

/** The settings of a workspace, and a hand that edits their file; each edit has a time of its own. */
function edited(text?: string): { config: LiveConfig; write: (text: string) => void; path: string } {
  const dir = tempDir();
  const path = join(dir, CONFIG_FILE);
  const write = (content: string): void => {
    writeFileSync(path, content);
    writes += 1;
    utimesSync(path, writes, writes);
  };
  if (text !== undefined) write(text);
  return { config: createLiveConfig(dir, { CODEX_INBOX_PORT: "1" }, { settleMs: 1 }), write, path };
}

it("follows edits of the file; flags and environment go on to win", () => {
  const { config, write } = edited('{"maxWorkers": 3}');
  expect(config.current()).toMatchObject({ maxWorkers: 3, port: 1, settleMs: 1 });
  write('{"maxWorkers": 4, "port": 9, "settleMs": 9}');
  expect(config.current().maxWorkers).toBe(3);
  expect(config.reload()).toBeUndefined();
  expect(config.current()).toMatchObject({ maxWorkers: 4, port: 1, settleMs: 1 });
});

it("keeps the last good settings after a bad edit, and says what is wrong until that is mended", () => {
  const { config, write, path } = edited('{"maxWorkers": 3}');
  write('{"maxWorkers": 3, "maxWorker": 5}');
  const problem = `${path}: unknown setting "maxWorker"; did you mean "maxWorkers"?`;
  expect(config.reload()).toBe(problem);
  expect(config.reload()).toBe(problem);
  expect(config.current().maxWorkers).toBe(3);
  write('{"maxWorkers": 5}');
  expect(config.reload()).toBeUndefined();
  expect(config.current().maxWorkers).toBe(5);
});

it("takes a file that appears, and goes back to the defaults when it goes", () => {
  const { config, write, path } = edited();
  write('{"maxWorkers": 3}');
  config.reload();
  expect(config.current().maxWorkers).toBe(3);
  rmSync(path);
  expect(config.reload()).toBeUndefined();
  expect(config.current().maxWorkers).toBe(2);
});

it("hands out the same settings as long as nobody has touched the file", () => {
  const { config } = edited('{"maxWorkers": 3}');
  const before = config.current();
  config.reload();
  expect(config.current()).toBe(before);
});

it("begins with good settings or not at all", () => {
  expect(() => edited("{")).toThrow(/is not valid JSON/);
});
