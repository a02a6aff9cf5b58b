import { expect, it } from "vitest";
import { founderOf, isOwnSessionKey, ownSessionKey, sessionKeyProblem } from "../../../src/task/names/session-key.ts";

const ID = "20261120-141530-k3f9x2";

it.each(["docs", "docs/api", "a/b/c/d", "v1.2_x-y", "2026", "x".repeat(64), "transcript", `2026-11-20/${ID}`])(
  "accepts the key %j",
  (key) => expect(sessionKeyProblem(key)).toBeUndefined(),
);

it.each<{ key: string; says: RegExp }>([
  { key: "", says: /empty/ },
  { key: "/docs", says: /empty part/ },
  { key: "docs/", says: /empty part/ },
  { key: "a//b", says: /empty part/ },
  { key: "..", says: /letter or digit/ },
  { key: "a/../b", says: /letter or digit/ },
  { key: ".git", says: /letter or digit/ },
  { key: "-x", says: /letter or digit/ },
  { key: "a b", says: /letters, digits/ },
  { key: "a\\b", says: /letters, digits/ },
  { key: "a\nb", says: /letters, digits/ },
  { key: "a\n", says: /letters, digits/ },
  { key: "größe", says: /letters, digits/ },
  { key: "x".repeat(65), says: /64 characters/ },
  { key: "a/b/c/d/e", says: /at most 4 parts/ },
  { key: "2026-11-20", says: /date/ },
  { key: "docs/2026-11-20-2", says: /date/ },
  { key: `2026-11-20/${ID}/x`, says: /date/ },
  { key: "a.md", says: /"\.md"/ },
  { key: "session.JSONL", says: /"\.jsonl"/ },
  { key: "a.lock", says: /"\.lock"/ },
  { key: "a.", says: /"\."/ },
  { key: "docs/transcript", says: /transcript/ },
])("refuses the key $key", ({ key, says }) => expect(sessionKeyProblem(key)).toMatch(says));

it("knows the sessions made for a task without one, and for which", () => {
  const key = ownSessionKey("2026-11-20-2", "141530-fix-login-k3f9x2");
  expect(key).toBe("2026-11-20-2/141530-fix-login-k3f9x2");
  expect([isOwnSessionKey(key), founderOf(key), sessionKeyProblem(key)]).toEqual([true, ID, undefined]);
  for (const other of [ID, `docs/${ID}`, "2026-11-20/fix-login", "2026-11-21/20261120-141530-k3f9x2", `${key}/x`])
    expect([isOwnSessionKey(other), founderOf(other)]).toEqual([false, undefined]);
});
