import { expect, it } from "vitest";
import { createLiveConfig, type LiveConfig } from "../../src/config/live-config.ts";

function begun(text?: string): LiveConfig {
  return createLiveConfig({ text, name: "FILE" }, { CODEX_INBOX_PORT: "1" }, { settleMs: 1 });
}

it("follows what the branch holds; flags and environment go on to win", () => {
  const config = begun('{"maxWorkers": 3}');
  expect(config.current()).toMatchObject({ maxWorkers: 3, port: 1, settleMs: 1 });
  config.take('{"maxWorkers": 4, "port": 9, "settleMs": 9}');
  expect(config.problem()).toBeUndefined();
  expect(config.current()).toMatchObject({ maxWorkers: 4, port: 1, settleMs: 1 });
});

it("keeps the last good settings after a bad commit, and says what is wrong until that is mended", () => {
  const config = begun('{"maxWorkers": 3}');
  config.take('{"maxWorkers": 3, "maxWorker": 5}');
  const problem = 'FILE: unknown setting "maxWorker"; did you mean "maxWorkers"?';
  expect(config.problem()).toBe(problem);
  config.take('{"maxWorkers": 3, "maxWorker": 5}');
  expect(config.problem()).toBe(problem);
  expect(config.current().maxWorkers).toBe(3);
  config.take('{"maxWorkers": 5}');
  expect(config.problem()).toBeUndefined();
  expect(config.current().maxWorkers).toBe(5);
});

it("takes a file that appears, and goes back to the defaults when it goes", () => {
  const config = begun();
  config.take('{"maxWorkers": 3}');
  expect(config.current().maxWorkers).toBe(3);
  config.take(undefined);
  expect(config.problem()).toBeUndefined();
  expect(config.current().maxWorkers).toBe(2);
});

it("hands out the same settings as long as the branch holds the same file", () => {
  const config = begun('{"maxWorkers": 3}');
  const before = config.current();
  config.take('{"maxWorkers": 3}');
  expect(config.current()).toBe(before);
});

it("begins with good settings or not at all", () => {
  expect(() => begun("{")).toThrow(/^FILE is not valid JSON/);
  expect(() => begun(" ".repeat(300_000))).toThrow("FILE has 300000 characters; at most 262144 are read");
});
