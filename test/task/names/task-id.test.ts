import fc from "fast-check";
import { expect, it } from "vitest";
import { isTaskId, makeTaskId, taskIdDate, taskIdFromCommit } from "../../../src/task/names/task-id.ts";

const NOON = Date.UTC(2026, 10, 20, 14, 15, 30, 999);

it("names a task by its time in UTC and six characters", () => {
  expect(makeTaskId(NOON, "k3f9x2")).toBe("20261120-141530-k3f9x2");
  expect(taskIdDate("20261120-141530-k3f9x2")).toBe("2026-11-20");
});

it.each([
  "",
  "20261120-141530-k3f9x",
  "20261120-141530-k3f9x22",
  "20261120-141530-K3F9X2",
  "20261320-141530-k3f9x2",
  "20260230-141530-k3f9x2",
  "20261120-246060-k3f9x2",
  " 20261120-141530-k3f9x2",
  "20261120-141530-k3f9x2\n",
  "../261120-141530-k3f9x2",
])("does not take %j for a task id", (text) => expect(isTaskId(text)).toBe(false));

it("makes nothing but task ids", () => {
  const times = fc.date({ min: new Date("0001-01-01Z"), max: new Date("9999-12-31Z"), noInvalidDate: true });
  const suffixes = fc.stringMatching(/^[0-9a-z]{6}$/);
  fc.assert(fc.property(times, suffixes, (time, suffix) => isTaskId(makeTaskId(time.getTime(), suffix))));
});

it.each(["", "abc", "ABCDEF", "a/b.c-"])("refuses %j as the random part", (random) => {
  expect(() => makeTaskId(NOON, random)).toThrow(RangeError);
});

it("gives a drop that arrived by commit the same id in every clone", () => {
  const digest = "9f2c4f1e8e6d0a3b5c7d9e1f00112233";
  expect(taskIdFromCommit(NOON, digest)).toBe(taskIdFromCommit(NOON, digest));
  expect(taskIdFromCommit(NOON, digest)).not.toBe(taskIdFromCommit(NOON, `8${digest.slice(1)}`));
  fc.assert(fc.property(fc.stringMatching(/^[0-9a-f]{40}$/), (hex) => isTaskId(taskIdFromCommit(NOON, hex))));
});
