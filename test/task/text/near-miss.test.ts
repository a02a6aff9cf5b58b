import { expect, it } from "vitest";
import { misspelling, nearest } from "../../../src/task/text/near-miss.ts";

const KEYS = ["id", "sessionKey", "priority", "title", "dependsOn", "timeoutMs"];

it.each<{ word: string; near: string | undefined }>([
  { word: "priorty", near: "priority" },
  { word: "proirity", near: "priority" },
  { word: "sessionkey", near: "sessionKey" },
  { word: "session-key", near: "sessionKey" },
  { word: "timeout", near: "timeoutMs" },
  { word: "tilte", near: "title" },
  { word: "author", near: undefined },
  { word: "x", near: undefined },
  { word: "", near: undefined },
  { word: "p".repeat(100_000), near: undefined },
])("finds $near near $word", ({ word, near }) => expect(nearest(word, KEYS)).toBe(near));

it.each<{ word: string; meant: string | undefined }>([
  { word: "priorty", meant: "priority" },
  { word: "session", meant: "sessionKey" },
  { word: "timeout", meant: "timeoutMs" },
  { word: "session-key", meant: "sessionKey" },
  { word: "titl", meant: "title" },
  { word: "subtitle", meant: undefined },
  { word: "tags", meant: undefined },
  { word: "uid", meant: undefined },
])("takes $word for a misspelling of $meant", ({ word, meant }) => expect(misspelling(word, KEYS)).toBe(meant));
