import { setImmediate as nextTurn } from "node:timers/promises";
import { faultPoint } from "../base/fault-point.ts";
import type { TaskFolders } from "../store/branch/task-folders.ts";
import type { TaskSource } from "../store/journal/journal-record.ts";
import { isClaimed, type OpenTask } from "../store/tasks/open-task.ts";
import { cancelIfAsked } from "../store/tasks/task-table.ts";
import type { BrokenDrop, Drop, StaleDrop } from "../task/file/drop.ts";
import { slugOf } from "../task/names/task-name.ts";
import type { Origin } from "../task/rights/origin.ts";
import { dropId, HELD_BACK, namedId, newTaskId } from "./drops/drop-id.ts";
import { createDropMoves } from "./drops/drop-moves.ts";
import type { Asked, DropOrigins, DropOriginsDeps } from "./drops/drop-origins.ts";
import { type InboxSnapshot, takeSnapshot } from "./drops/inbox-snapshot.ts";
import { type AcceptedDrop, createKeptDrops, type KeptDropsDeps } from "./drops/kept-drops.ts";
import type { Edits } from "./edits.ts";
import { createKnownTasks, type KnownTasksDeps } from "./known-tasks.ts";
import type { QueueLimit } from "./queue-limit.ts";

export interface AcceptanceDeps
  extends Pick<DropOriginsDeps, "branch" | "runDrops" | "receipts">,
    KeptDropsDeps,
    KnownTasksDeps {
  readonly origins: DropOrigins;
  readonly edits: Pick<Edits, "take">;
  readonly folders: TaskFolders;
  readonly bound: Pick<QueueLimit, "isFull">;
  readonly clone: string;
  /** Clones share a remote: what is in the branch has to be claimed before it runs. */
  readonly isShared: () => boolean;
  readonly now: () => number;
  readonly settings: () => { readonly settleMs: number };
  /** Tasks whose runs are being prepared, though they count as queued: their texts are not replaced any more. */
  readonly starting: ReadonlySet<string>;
}

export interface Taken {
  /** Drops the branch has to lose, because their task is known. */
  readonly stale: readonly StaleDrop[];
  /** Some drops were not ready after all: look again soon. */
  readonly again: boolean;
  /** So many drops stay where they are because no more tasks may be open. */
  readonly full: number;
  /** What is not taken although it is a valid task, and why. */
  readonly refused: readonly BrokenDrop[];
}

/** Turns drops into accepted tasks, each exactly once. */
export interface Acceptance {
  /** Takes `drops` in their order. Between any two of them submissions, stops and ticks have their turn. */
  take(drops: readonly Drop[]): Promise<Taken>;
  /**
   * Accepts a task that came by another way than the inbox folder; returns it, or the one that is known under its id.
   *
   * @param origin who asks for it
   * @param mayAccept throws where a new task is not wanted
   */
  submit(
    text: string,
    drop: Pick<Drop, "spec">,
    origin: Origin,
    mayAccept?: () => void,
  ): Promise<{ readonly id: string; readonly known: boolean }>;
  /** Finishes what a crash left between the inbox and the journal. */
  finishLeftClaims(): Promise<void>;
}

export function createAcceptance(deps: AcceptanceDeps): Acceptance {
  const { origins } = deps;
  const keptDrops = createKeptDrops(deps);
  const { claim, discard, release } = createDropMoves(deps);
  const { isTaken, findKnown } = createKnownTasks(deps);
  let lastOrder: number | undefined;
  /** A drop was claimed and could not be accepted. */
  let claimsLeft = false;
  const heldBack = new Map<string, string>();

  /** Strictly increasing, also over a restart and a clock that was set back. */
  const nextOrder = (): number => {
    lastOrder = Math.max((lastOrder ?? deps.table.index.lastOrder ?? 0) + 1, deps.now() * 1_000);
    return lastOrder;
  };

  const accept = async (
    id: string,
    drop: AcceptedDrop,
    source: TaskSource | undefined,
    asked: Asked,
    mayAccept: () => void = () => undefined,
  ): Promise<{ readonly task: OpenTask; readonly known: boolean }> => {
    const slug = deps.keeper.keepName(slugOf(drop.spec.title)); // Lower case, it may be what the title was not.
    const where = await deps.folders.place(id, drop.spec.sessionKey, slug);
    const facts = await keptDrops.factsOf(id, drop, source);
    const known = deps.table.get(id);
    if (known !== undefined) return { task: known, known: true }; // It came by another way while the branch was asked.
    mayAccept();
    const place = { id, ...where, order: nextOrder(), atMs: deps.now() };
    const text = { text: drop.text, folderKey: drop.folderKey ?? null, clone: deps.clone };
    const claim = facts.source?.tracked === "head" && deps.isShared() ? ({ needsClaim: true } as const) : {};
    const task = deps.table.accept({ k: "accepted", v: 1, ...place, ...text, ...facts, ...claim, ...asked });
    const { droppedBy, origin } = asked;
    if (droppedBy !== undefined) deps.runDrops.accepted(droppedBy);
    faultPoint("accept:journaled");
    const from = { source: facts.source?.path, origin: origin.kind };
    const by = { parent: droppedBy?.task, parentRun: droppedBy?.run };
    deps.log("accepted", { task: id, session: where.session, ...from, ...by });
    return { task, known: false };
  };

  const refuse = (broken: BrokenDrop): BrokenDrop => {
    deps.intake.refuse(broken);
    return broken;
  };

  const takeOne = async (drop: Drop, snapshot: InboxSnapshot): Promise<Outcome> => {
    if (snapshot.isTracked(drop.path) && !snapshot.headIsOurs) return "done"; // A file of another branch, checked out here for now.
    const source = await snapshot.sourceOf(drop);
    const stays = snapshot.staysInPlace(drop, source);
    // First what memory knows: asking git which commit brought a drop costs a walk through its history.
    const taken = snapshot.takenBefore(drop) ?? (await broughtBack(drop, source, snapshot));
    const cannotBeTaken = taken === undefined && deps.bound.isFull() && findReplaceable(drop, snapshot) === undefined;
    if (cannotBeTaken && source.tracked === "head" && namedId(drop) === undefined) return "full";
    const id = taken ?? (await dropId(drop, source, deps));
    if (id === undefined) {
      hold(drop.path, HELD_BACK.beyond);
      return "later";
    }
    const known = taken ?? (await findKnown(id));
    if (known !== undefined) {
      const editor = deps.receipts.editorOf(known, drop.text);
      if (editor !== undefined) return (await deps.edits.take(drop, known, editor)) ?? discard(drop, known);
      if (isUnclaimed(known)) return "done"; // It stays in the branch for the clone that claims it.
      if (source.tracked === "head") return { path: source.path, blob: source.blob, task: known };
      return stays ? "done" : discard(drop, known);
    }
    // Other clones know it as it is committed; and one that is taken stays where it is until some clone has claimed it.
    if (deps.isShared() && source.tracked !== "untracked" && !(stays && source.tracked === "head")) {
      if (source.tracked === "staged") hold(drop.path, HELD_BACK.staged);
      return "done"; // A change of index or branch is seen by itself.
    }
    const judged = origins.judge(id, drop, source);
    if (judged.kind === "later") return "later";
    if (judged.kind === "refused") return judged.broken;
    if (deps.bound.isFull() && findReplaceable(drop, snapshot) === undefined) return "full";
    const kept = await keptDrops.keep(drop);
    if ("problems" in kept) return kept;
    const asked = await origins.of(id, drop, source, judged.by);
    if ("problems" in asked) return refuse(asked);
    if (stays) {
      if (await snapshot.hasChanged(drop.path)) return "later"; // A commit of ours may have taken it out just now.
      await place(drop, kept, id, source, snapshot, asked);
      return "done";
    }
    const claimed = await claim(drop, id, snapshot);
    if (typeof claimed === "string") return claimed;
    if (claimed.blob !== drop.blob) {
      await deps.intake.putBack(id); // It was exchanged for another one, of which is not known who left it.
      return "later";
    }
    claimsLeft = true; // Where the journal cannot be written now, the next look finishes it.
    await place(claimed, kept, id, source, snapshot, asked);
    await release(id);
    claimsLeft = false;
    faultPoint("accept:claim-removed");
    return "done";
  };

  /** Returns the task whose drop we have taken out, and a copy of the commit that had brought it brings again. */
  const broughtBack = async (drop: Drop, source: TaskSource, snapshot: InboxSnapshot): Promise<string | undefined> => {
    if (source.tracked !== "head" || source.blob !== drop.blob) return undefined;
    const id = snapshot.takenOut(drop);
    if (id === undefined || !(await deps.branch.isRewritten(drop.path))) return undefined;
    if (deps.table.get(id) === undefined) deps.recent.noteDropBack(id);
    else deps.table.note(id, { k: "drop-back" });
    return id;
  };

  /** Says once why a drop stays where it is. */
  const hold = (path: string, reason: string): void => {
    if (heldBack.get(path) !== reason) deps.log("held-back", { path, reason });
    heldBack.set(path, reason);
  };

  /** This clone has not claimed it, and another one may. */
  const isUnclaimed = (id: string): boolean => {
    const task = deps.table.get(id);
    return task !== undefined && !isClaimed(task);
  };

  /** Makes a drop a task, or the new text of one that is still queued under the same name. */
  const place = async (
    drop: Drop,
    kept: AcceptedDrop,
    id: string,
    source: TaskSource,
    snapshot: InboxSnapshot,
    asked: Asked,
  ): Promise<void> => {
    const replaceable = findReplaceable(drop, snapshot);
    if (replaceable === undefined) await accept(id, kept, source, asked);
    else await replace(replaceable, kept, source, id, asked);
    cancelIfAsked(deps.table, id, replaceable?.id);
  };

  const replace = async (
    task: OpenTask,
    drop: AcceptedDrop,
    source: TaskSource,
    id: string,
    asked: Asked,
  ): Promise<void> => {
    const facts = await keptDrops.factsOf(task.id, drop, source);
    const session = drop.spec.sessionKey;
    const current = deps.table.get(task.id);
    const sameSession = session === undefined ? task.spec.sessionKey === undefined : session === task.sessionKey;
    if (current?.state.kind !== "queued" || !sameSession || deps.starting.has(task.id)) {
      if (current?.state.kind === "queued" && !deps.starting.has(task.id))
        deps.table.step(task.id, { kind: "stop", cause: "user" });
      await accept(id, drop, source, asked);
      return;
    }
    const folderKey = drop.folderKey ?? null;
    const record = { k: "replaced", atMs: deps.now(), text: drop.text, folderKey, alias: id } as const;
    deps.table.note(task.id, { ...record, ...facts, source: facts.source ?? source, ...asked });
    if (asked.droppedBy !== undefined) deps.runDrops.accepted(asked.droppedBy);
    deps.log("replaced", { task: task.id, session: task.sessionKey, source: facts.source?.path });
  };

  const finishLeftClaims = async (): Promise<void> => {
    const snapshot = await takeSnapshot(deps);
    await deps.runDrops.catchUp();
    for (const { id, drop } of await deps.intake.leftClaims(isTaken)) {
      const source = await snapshot.sourceOf(drop);
      const judged = (await findKnown(id)) === undefined ? origins.judge(id, drop, source) : undefined;
      const asked = judged?.kind === "take" ? await origins.of(id, drop, source, judged.by) : undefined;
      const kept = await keptDrops.keep(drop);
      const isPlaced = asked !== undefined && "origin" in asked && "text" in kept;
      if (isPlaced) await place(drop, kept, id, source, snapshot, asked);
      if (judged === undefined || isPlaced) await release(id);
      else await deps.intake.putBack(id);
    }
    claimsLeft = false;
    cancelIfAsked(deps.table, ...Array.from(deps.table.all(), ({ id }) => id)); // One was accepted, and not cancelled before a crash.
  };

  return {
    async take(drops) {
      const stale: StaleDrop[] = [];
      const refused: BrokenDrop[] = [];
      if (claimsLeft) await finishLeftClaims();
      if (drops.length === 0) return { stale, again: false, full: 0, refused };
      await deps.runDrops.catchUp();
      const snapshot = await takeSnapshot(deps);
      /** Sessions of drops that have to wait: what was dropped after them waits too, for a session's tasks run in their order. */
      const waiting = new Map<string, "later" | "full">();
      let [again, full] = [false, 0];
      for (const drop of drops) {
        await nextTurn();
        const session = drop.spec.sessionKey ?? drop.path; // Without a key it gets a session of its own.
        const outcome = waiting.get(session) ?? (await takeOne(drop, snapshot));
        if (outcome === "later" || outcome === "full") {
          if (outcome === "full") full += 1;
          else again = true;
          waiting.set(session, outcome);
        } else if (outcome !== "done") {
          if ("problems" in outcome) refused.push(outcome);
          else stale.push(outcome);
        }
      }
      return { stale, again, full, refused };
    },
    async submit(text, { spec }, origin, mayAccept) {
      const id = spec.id ?? newTaskId(deps.now());
      const known = await findKnown(id);
      const accepted =
        known === undefined &&
        (await accept(id, await keptDrops.submitted(text, spec), undefined, { origin }, mayAccept));
      cancelIfAsked(deps.table, id);
      await deps.table.durable();
      return { id: known ?? id, known: accepted === false || accepted.known };
    },
    finishLeftClaims,
  };
}

/** What became of a drop: the branch's copy has to go, or it is refused, or it waits. */
type Outcome = StaleDrop | BrokenDrop | "done" | "later" | "full";

/** Saved again under the same name while its task has not begun: the same task with another text. Published names are never re-used. */
function findReplaceable(drop: Drop, snapshot: InboxSnapshot): OpenTask | undefined {
  return namedId(drop) === undefined ? snapshot.queuedAt(drop.path) : undefined;
}
