import { CoordinatorError } from "../../../base/errors.ts";
import type { JournalGuard } from "../../../dispatch/journal-guard.ts";
import type { Acceptance } from "../../../intake/acceptance.ts";
import { refuseArchived } from "../../../intake/drops/archived-sessions.ts";
import { newTaskId } from "../../../intake/drops/drop-id.ts";
import type { QueueLimit } from "../../../intake/queue-limit.ts";
import { readSubmission } from "../../../intake/submission.ts";
import type { Sessions } from "../../../store/sessions/session-store.ts";
import { type SubmissionKeys, submissionDigest } from "../../../store/submission-keys.ts";
import type { ComposedText } from "../../../task/file/task-text.ts";
import type { Origin } from "../../../task/rights/origin.ts";
import type { RightsByOrigin } from "../../../task/rights/origin-rights.ts";

/** A task that was accepted, or that was known before. */
export interface Submitted {
  readonly id: string;
  readonly known: boolean;
}

export interface SubmitDeps {
  readonly acceptance: Pick<Acceptance, "submit">;
  readonly bound: Pick<QueueLimit, "refuseWhenFull">;
  readonly guard: Pick<JournalGuard, "requireHome">;
  readonly sessions: Pick<Sessions, "read">;
  readonly submissionKeys: SubmissionKeys;
  /** What a task may ask for now. */
  readonly rights: () => RightsByOrigin;
  readonly now: () => number;
  /** Tells whether there is a task of this id, open or ended. */
  readonly isTask: (id: string) => Promise<boolean>;
}

/** Accepts tasks that come from elsewhere than inbox/. */
export interface Submissions {
  /**
   * Resolves once the task is durable. With the `key` of an earlier submission that brought about a task, that task is returned.
   *
   * @throws CoordinatorError `TASK_FILE`, `NOT_ALLOWED`, `QUEUE_FULL`; `KEY_REUSED` where the key stands for another text
   */
  submit(given: ComposedText, origin: Origin, key: string | undefined): Promise<Submitted>;
}

export function createSubmissions(deps: SubmitDeps): Submissions {
  const { acceptance, bound, guard, submissionKeys, rights } = deps;
  /** By key: the last one that is under way. */
  const underWay = new Map<string, Promise<unknown>>();

  const accept = async (given: ComposedText, origin: Origin, wantedId?: string): Promise<Submitted> => {
    const parsed = readSubmission(given, rights().of(origin));
    await refuseArchived(deps.sessions, parsed.spec.sessionKey);
    const spec = { ...parsed.spec, id: parsed.spec.id ?? wantedId };
    return acceptance.submit(parsed.text, { spec }, origin, bound.refuseWhenFull);
  };

  const submitKeyed = async (given: ComposedText, origin: Origin, key: string): Promise<Submitted> => {
    const noted = submissionKeys.find(key);
    const digest = submissionDigest(given.text);
    if (noted !== undefined && (await deps.isTask(noted.id))) {
      if (noted.digest === digest) return { id: noted.id, known: true };
      const message = `this Idempotency-Key stands for another request, which has become the task ${noted.id}: send this one with a key of its own`;
      throw new CoordinatorError("KEY_REUSED", message);
    }
    const { spec } = readSubmission(given, rights().of(origin)); // What is refused does not take the key.
    await refuseArchived(deps.sessions, spec.sessionKey);
    bound.refuseWhenFull();
    guard.requireHome();
    const isSame = noted?.digest === digest;
    const id = spec.id ?? (isSame ? noted.id : newTaskId(deps.now()));
    if (!isSame) await submissionKeys.note(key, { id, digest });
    return accept(given, origin, id);
  };

  return {
    submit(given, origin, key) {
      if (key === undefined) return accept(given, origin);
      const before = underWay.get(key) ?? Promise.resolve();
      const mine = before.then(() => submitKeyed(given, origin, key));
      const settled = mine
        .catch(() => undefined)
        .then(() => {
          if (underWay.get(key) === settled) underWay.delete(key);
        });
      underWay.set(key, settled);
      return mine;
    },
  };
}
