import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openStopRequests } from "../../src/dispatch/stop-requests.ts";
import { tempDir } from "../support/temp-dir.ts";

const TASK = "20261120-141530-k3f9x2";
const OTHER = "20261120-141531-bbbbbb";

it("keeps a wish over a restart until it is acknowledged", () => {
  const dir = tempDir();
  openStopRequests(dir).request(TASK);
  openStopRequests(dir).request(OTHER);
  const box = openStopRequests(dir);
  expect(box.pending()).toEqual([TASK, OTHER]);
  expect(box.pending()).toEqual([TASK, OTHER]);
  box.acknowledge(TASK);
  expect(openStopRequests(dir).pending()).toEqual([OTHER]);
});

it("takes a wish that is made twice for one", () => {
  const box = openStopRequests(tempDir());
  box.request(TASK);
  box.request(TASK);
  expect(box.pending()).toEqual([TASK]);
});

it("grants what nobody wished for without complaint, and passes over what is no wish", () => {
  const dir = tempDir();
  const box = openStopRequests(dir);
  for (const name of ["stop-../../x", "stop-", "notes.txt", ".x.tmp"])
    writeFileSync(join(dir, name.replaceAll("/", "_")), "");
  expect(box.pending()).toEqual([]);
  expect(() => box.acknowledge(TASK)).not.toThrow();
});

it("takes what cannot be removed for asked once, until it is asked anew", () => {
  const dir = tempDir();
  const requests = openStopRequests(dir);
  for (const name of [`stop-${TASK}`, "try-now"]) mkdirSync(join(dir, name));
  expect(requests.pending()).toEqual([TASK]);
  requests.acknowledge(TASK);
  expect(requests.pending()).toEqual([]);
  expect([requests.takeTryNow(), requests.takeTryNow()]).toEqual([false, false]);
  rmdirSync(join(dir, `stop-${TASK}`));
  requests.request(TASK);
  expect(requests.pending()).toEqual([TASK]);
});
