import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openWishBox } from "../../src/dispatch/stop-requests.ts";
import { tempDir } from "../support/temp-dir.ts";

const TASK = "20261120-141530-k3f9x2";
const OTHER = "20261120-141531-bbbbbb";

it("keeps a wish over a restart until it is granted", () => {
  const dir = tempDir();
  openWishBox(dir).wishStop(TASK);
  openWishBox(dir).wishStop(OTHER);
  const box = openWishBox(dir);
  expect(box.stops()).toEqual([TASK, OTHER]);
  expect(box.stops()).toEqual([TASK, OTHER]);
  box.granted(TASK);
  expect(openWishBox(dir).stops()).toEqual([OTHER]);
});

it("takes a wish that is made twice for one", () => {
  const box = openWishBox(tempDir());
  box.wishStop(TASK);
  box.wishStop(TASK);
  expect(box.stops()).toEqual([TASK]);
});

it("grants what nobody wished for without complaint, and passes over what is no wish", () => {
  const dir = tempDir();
  const box = openWishBox(dir);
  for (const name of ["stop-../../x", "stop-", "notes.txt", ".x.tmp"])
    writeFileSync(join(dir, name.replaceAll("/", "_")), "");
  expect(box.stops()).toEqual([]);
  expect(() => box.granted(TASK)).not.toThrow();
});
