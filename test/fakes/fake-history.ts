import type { HistoryEntry, QueriesDeps } from "../../src/app/queries/queries.ts";
import type { FakeRepository } from "./fake-repository.ts";

/** The finished tasks of a branch in memory, told by the trailers of its commits. */
export function createFakeHistory(repository: FakeRepository): QueriesDeps["history"] {
  const entries = (thread = ""): readonly HistoryEntry[] =>
    repository.log().flatMap(({ id, message, timeMs }) => {
      const trailer = (key: string): string => new RegExp(`^${key}: (.*)$`, "m").exec(message)?.[1] ?? "";
      if (!trailer("Codex-Thread").includes(thread)) return [];
      const task = trailer("Task-Id");
      if (task === "") return [];
      const [subject = ""] = message.split("\n", 1);
      const committedAt = new Date(timeMs).toISOString();
      return [
        { commit: id, committedAt, task, session: trailer("Session-Key"), status: trailer("Task-Status"), subject },
      ];
    });
  return {
    newest: async (count, wanted) =>
      entries()
        .filter(({ session }) => wanted === undefined || session === wanted)
        .slice(0, count),
    withId: async (part, count) =>
      entries()
        .filter(({ task }) => task.includes(part))
        .slice(0, count),
    inThread: async (part, count) => entries(part).slice(0, count),
    inSession: async (part, count) =>
      entries()
        .filter(({ session }) => session.includes(part))
        .slice(0, count),
  };
}
