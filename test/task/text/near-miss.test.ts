import { expect, it } from "vitest";
import { nearest } from "../../../src/task/text/near-miss.ts";

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
