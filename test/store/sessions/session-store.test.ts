import { expect, it } from "vitest";
import { createSessionStore } from "../../../src/store/sessions/session-store.ts";
import { sessionFactsPath } from "../../../src/task/records/workspace-paths.ts";
import type { SessionFact } from "../../../src/task/session/session-fact.ts";
import { foldFacts } from "../../../src/task/session/session-facts.ts";
import { appendFacts } from "../../support/kept.ts";

const THREADS = ["01a1f950-5f71-7472-a9b5-7a2032cb912c", "01a1f951-0000-7000-8000-000000000002"] as const;
const NOTHING = foldFacts([]);

function threadFact(n: number, thread: string, task = "t1"): SessionFact {
  return { v: 1, n, time: "2026-11-20T14:15:30.000Z", kind: "thread", thread, task };
}

/** The files of a branch; `readText` gives what stood there when it was called. */
function branchOf(files: Record<string, string>): { readText(path: string): Promise<string | undefined> } {
  return { readText: (path) => Promise.resolve(files[path]) };
}

/** What the committer writes into the branch. */
function commit(files: Record<string, string>, sessionKey: string, facts: readonly SessionFact[]): void {
  const path = sessionFactsPath(sessionKey);
  const text = appendFacts(files[path], facts);
  if (text !== "unchanged") files[path] = text;
}

it("knows nothing of a session that never was", async () => {
  expect(await createSessionStore(branchOf({})).read("docs")).toEqual(NOTHING);
});

it("reads what stands in the branch", async () => {
  const files = {};
  commit(files, "docs", [threadFact(1, THREADS[0])]);
  expect(await createSessionStore(branchOf(files)).read("docs")).toMatchObject({ thread: THREADS[0], counter: 1 });
});

it("sees facts that are not committed yet, on top of the branch", async () => {
  const files = {};
  commit(files, "docs", [threadFact(1, THREADS[0])]);
  const store = createSessionStore(branchOf(files));
  store.add("t2", "docs", [threadFact(2, THREADS[1], "t2")]);
  expect(await store.read("docs")).toMatchObject({ thread: THREADS[1], threadTask: "t2", counter: 2 });
  expect(await store.read("web")).toEqual(NOTHING);
});

it("puts together what several runs of a task add", async () => {
  const store = createSessionStore(branchOf({}));
  store.add("t1", "docs", [threadFact(1, THREADS[0])]);
  store.add("t1", "docs", [threadFact(2, THREADS[1])]);
  store.add("t1", "docs", [threadFact(2, THREADS[1])]);
  expect(await store.read("docs")).toMatchObject({ thread: THREADS[1], counter: 2 });
});

it("forgets facts once they are committed, and reads them from the branch", async () => {
  const files = {};
  const facts = [threadFact(1, THREADS[0])];
  const store = createSessionStore(branchOf(files));
  store.add("t1", "docs", facts);
  store.add("t2", "docs", [threadFact(2, THREADS[1], "t2")]);
  commit(files, "docs", facts);
  store.committed("t1");
  expect(await store.read("docs")).toMatchObject({ thread: THREADS[1], counter: 2 });
  store.committed("t2"); // Without a commit: to see that nothing of it is left in memory.
  expect(await store.read("docs")).toMatchObject({ thread: THREADS[0], counter: 1 });
});

it("is told of a commit for a task without facts", async () => {
  const store = createSessionStore(branchOf({}));
  store.committed("t1");
  expect(await store.read("docs")).toEqual(NOTHING);
});

it("loses no fact that is committed while the branch is being read from its old tip", async () => {
  const files = {};
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const store = createSessionStore({ readText: () => promise });
  const facts = [threadFact(1, THREADS[0])];
  store.add("t1", "docs", facts);
  const state = store.read("docs");
  commit(files, "docs", facts);
  store.committed("t1");
  store.add("t2", "docs", [{ v: 1, n: 2, time: "2026-11-20T14:16:00.000Z", kind: "archived", archived: true }]);
  resolve(undefined); // The old tip had no such file.
  expect(await state).toMatchObject({ thread: THREADS[0], archived: true, counter: 2 });
});

it("says so when the branch cannot be read", async () => {
  const store = createSessionStore({ readText: () => Promise.reject(new Error("no such repository")) });
  await expect(store.read("docs")).rejects.toThrow("no such repository");
});
