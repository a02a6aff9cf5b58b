import { sessionFactsPath } from "../../task/records/workspace-paths.ts";
import type { SessionFact } from "../../task/session/session-fact.ts";
import { foldFacts, parseFacts, type SessionState } from "../../task/session/session-facts.ts";
import type { SessionLocks } from "./session-lock.ts";

/** The sessions of a workspace: what is known of them, and who writes to them. */
export type Sessions = SessionStore & SessionLocks;

/** What sessions are known to be: the facts in the branch, and those that wait to be committed. */
export interface SessionStore {
  /** Returns the session's state, with facts that are not in the branch yet. */
  read(sessionKey: string): Promise<SessionState>;
  /** Remembers facts of `taskId` until `committed` is called for it. */
  add(taskId: string, sessionKey: string, facts: readonly SessionFact[]): void;
  /** The facts of `taskId` stand in the branch now. */
  committed(taskId: string): void;
}

/** Creates the store over the branch's files; memory holds only what is not committed yet. */
export function createSessionStore(branch: { readText(path: string): Promise<string | undefined> }): SessionStore {
  const pending = new Map<string, { readonly sessionKey: string; readonly facts: readonly SessionFact[] }>();
  const pendingOf = (sessionKey: string): readonly SessionFact[] =>
    [...pending.values()].flatMap((entry) => (entry.sessionKey === sessionKey ? entry.facts : []));
  return {
    async read(sessionKey) {
      // A commit may be made while the branch is read from its old tip: what is pending now would then be in neither.
      const before = pendingOf(sessionKey);
      const text = await branch.readText(sessionFactsPath(sessionKey));
      return foldFacts([...parseFacts(text ?? ""), ...before, ...pendingOf(sessionKey)]);
    },
    add(taskId, sessionKey, facts) {
      const before = pending.get(taskId)?.facts ?? [];
      pending.set(taskId, { sessionKey, facts: [...before, ...facts] });
    },
    committed: (taskId) => {
      pending.delete(taskId);
    },
  };
}
