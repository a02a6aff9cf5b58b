import fc from "fast-check";
import { expect, it } from "vitest";
import { slugOf, taskIdOfName, taskName } from "../../../src/task/names/task-name.ts";

const ID = "20261120-141530-k3f9x2";

it.each<[title: string, slug: string]>([
  ["Fix the login redirect", "fix-the-login-redirect"],
  ["  Größe & Maß: prüfen!  ", "grosse-mass-prufen"],
  ["CON", "con"],
  ["../../etc/passwd", "etc-passwd"],
  ["[redacted: github-token] is used", "redacted-github-token-is-used"],
  ["修复登录", ""],
  ["---", ""],
  ["a".repeat(50), "a".repeat(40)],
  ["Every word of this long title stays whole in its name", "every-word-of-this-long-title-stays"],
])("makes of the title %j the slug %j", (title, slug) => expect(slugOf(title)).toBe(slug));

it("makes names that any file system takes, from which the id comes back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (title) => {
      const name = taskName(ID, slugOf(title));
      expect(name).toMatch(/^141530-(?:[a-z0-9]+-)*k3f9x2$/);
      expect(name.length).toBeLessThanOrEqual(54);
      expect(taskIdOfName("2026-11-20", name)).toBe(ID);
      expect(taskIdOfName("2026-11-21", name)).not.toBe(ID);
    }),
  );
});

it("knows the names that tasks had before, and no others", () => {
  expect(taskIdOfName("2026-11-20", ID)).toBe(ID);
  for (const name of [
    "archived",
    "141530",
    "251530-k3f9x2",
    "141530-K3f9x2",
    "141530-a_b-k3f9x2",
    "20261119-141530-k3f9x2",
  ])
    expect(taskIdOfName("2026-11-20", name)).toBeUndefined();
});
