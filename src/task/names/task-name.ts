import { isTaskId, taskIdDate } from "./task-id.ts";

/** Characters of a slug; with time and random part a name has at most 54. */
const SLUG_LENGTH_MAX = 40;
const NAME = /^(\d{6})-(?:[a-z0-9]+-)*([0-9a-z]{6})$/;

/** Returns `title` as part of a file's name on any file system: lower-case ASCII words joined by hyphens, "" where it has none. */
export function slugOf(title: string): string {
  const words = title
    .slice(0, SLUG_LENGTH_MAX * 8)
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll("ß", "ss")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replace(/^-/, "")
    .replace(/-$/, "");
  if (words.length <= SLUG_LENGTH_MAX) return words;
  const end = words.lastIndexOf("-", SLUG_LENGTH_MAX);
  return words.slice(0, end > 0 ? end : SLUG_LENGTH_MAX);
}

/** Returns the name that a task's file has before ".md": "141530-fix-login-k3f9x2", time and random part of its id around the slug. */
export function taskName(id: string, slug: string): string {
  const [, time = "", random = ""] = id.split("-");
  return [time, ...(slug === "" ? [] : [slug]), random].join("-");
}

/** Returns the id of the task of that day ("2026-11-20") that has this name; `undefined` where none can have it. */
export function taskIdOfName(date: string, name: string): string | undefined {
  const [, time, random] = NAME.exec(name) ?? [];
  const id = time === undefined ? name : `${date.replaceAll("-", "")}-${time}-${random}`; // Else as before names had a slug.
  return isTaskId(id) && taskIdDate(id) === date ? id : undefined;
}
