import { lstatSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../../../base/errors.ts";
import { faultPoint, mayFail } from "../../../base/fault-point.ts";
import { worldFaultCode } from "../../../base/world-fault.ts";
import type { Drop } from "../../../task/file/drop.ts";
import { isTaskId } from "../../../task/names/task-id.ts";
import { INBOX } from "../../../task/records/workspace-paths.ts";
import type { Rights } from "../../../task/rights/rights.ts";
import { type DropRules, type Reading, readDrop } from "../drop-reader.ts";
import { type FilePrint, printOf, sameContent } from "../file-print.ts";
import { causeOf, type Folder, openInboxFolder, syncFolder } from "../folder.ts";
import { type InboxPlace, placeInInbox, shownName, stemOf } from "../name-rules.ts";
import { type ClaimFolders, createClaimFolders, type HeldFile } from "./claim-folder.ts";
import { isBack, type PutBack, putBack } from "./put-back.ts";

export interface ClaimsOptions {
  readonly workspaceDir: string;
  readonly stateDir: string;
  readonly hashBlob: (bytes: Uint8Array) => string;
  readonly rights: () => Rights;
  readonly keeper: DropRules["keeper"];
  readonly onNotice: (message: string) => void;
}

/** A drop that is ours alone, and the id it will be accepted under. */
export interface LeftClaim {
  readonly id: string;
  readonly drop: Drop;
}

/** Between inbox/ and the journal. Claims of different ids may be made side by side. */
export interface Claims {
  claim(drop: Drop, id: string, isFree: () => boolean): Promise<Drop | "changed" | undefined>;
  release(id: string): Promise<void>;
  putBack(id: string): Promise<void>;
  left(isJournaled: (id: string) => boolean): Promise<readonly LeftClaim[]>;
}

interface Keeper extends ClaimsOptions {
  readonly folders: ClaimFolders;
  /** What each held file looked like when it was read. */
  readonly prints: Map<string, FilePrint>;
  /** Where from the files were moved that lie in claims of this process. */
  readonly places: Map<string, InboxPlace>;
}

/** Returns the claims of one workspace. */
export function createClaims(options: ClaimsOptions): Claims {
  const folders = createClaimFolders(options.workspaceDir, options.stateDir);
  const keeper: Keeper = { ...options, folders, prints: new Map(), places: new Map() };
  return {
    claim: (drop, id, isFree) => claim(keeper, drop, id, isFree),
    release: (id) => release(keeper, id),
    putBack: (id) => giveBack(keeper, id),
    left: (isJournaled) => leftClaims(keeper, isJournaled),
  };
}

async function claim(
  keeper: Keeper,
  drop: Drop,
  id: string,
  isFree: () => boolean,
): Promise<Drop | "changed" | undefined> {
  const place = placeInInbox(drop.path);
  if (place === undefined) throw new Error(`not a path in the inbox: ${drop.path}`);
  let isOurs = false;
  try {
    mayFail("claim");
    isOurs = keeper.folders.make(id, place);
    const isKnownByName = drop.spec.id === id;
    const taken = isOurs ? await take(keeper, place, id, isFree, isKnownByName ? "unsynced" : "durably") : undefined;
    // Whoever saves a file again writes in pieces again: it has to come to rest anew. A file named after its id was
    // exchanged by rename and is whole.
    if (
      typeof taken === "object" &&
      taken.kind === "drop" &&
      (taken.drop.blob === drop.blob || isTaskId(stemOf(place.name)))
    )
      return { ...taken.drop, changedAtMs: drop.changedAtMs }; // The claim itself has changed its name.
    if (isOurs) await giveBack(keeper, id);
    return taken === undefined ? undefined : "changed";
  } catch (error) {
    if (isOurs) await giveBack(keeper, id);
    if (worldFaultCode(error) !== undefined) throw error; // The whole look is made again later, and people are told.
    keeper.onNotice(`${shownName(drop.path)} cannot be taken (${causeOf(error)})`);
    return undefined;
  }
}

/**
 * Moves the file under the claim and reads it there; `undefined`: it is not there any more, "not-free": nor may it be moved now.
 *
 * @param how "unsynced" for a file that brings its id along: should a loss of power bring it back into inbox/ although its task is in
 * the journal, it is known by that
 */
async function take(
  keeper: Keeper,
  place: InboxPlace,
  id: string,
  isFree: () => boolean,
  how: "durably" | "unsynced",
): Promise<Reading | "not-free" | undefined> {
  const source = openInboxFolder(keeper.workspaceDir, place.folders);
  if (source === undefined) return undefined;
  try {
    const levels = how === "durably" ? keeper.folders.levels(id, place) : [];
    await allSynced(levels.slice(0, -1).map(syncFolder));
    faultPoint("accept:claim-made");
    if (!isFree()) return "not-free";
    if (!moveUnderClaim(keeper, source, place, id)) return undefined;
    faultPoint("accept:renamed");
    const reading = readHeld(keeper, id);
    // The second: or a power loss brings the file back into inbox/ although the journal says that it was accepted.
    if (how === "durably") await allSynced([...levels.slice(-1).map(syncFolder), source.sync()]);
    return reading;
  } finally {
    source.close();
  }
}

/** Syncs that wait together share one write of the disk's journal. None is under way any more when this rejects. */
async function allSynced(syncs: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(syncs);
  await Promise.all(syncs);
}

/** The claim itself: a rename, so that only one can win. False when the file is gone. */
function moveUnderClaim({ folders, places }: Keeper, source: Folder, place: InboxPlace, id: string): boolean {
  const from = source.at(place.name);
  try {
    if (!renameIfThere(from, folders.target(id, place))) return false;
    places.set(id, place);
    return true;
  } catch (error) {
    if (systemErrorCode(error) !== "EXDEV") throw error;
    return renameIfThere(from, source.at(folders.noteElsewhere(id, place)));
  }
}

function renameIfThere(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return false;
    throw error;
  }
}

/** Reads what a claim holds and remembers what it looked like; `undefined`: it holds nothing. */
function readHeld(keeper: Keeper, id: string): Reading | undefined {
  return withHeld(keeper, id, (held) => {
    const reading = readDrop(held.path, held.place, undefined, keeper);
    if (reading.kind === "drop") keeper.prints.set(id, reading.print);
    return reading;
  });
}

/** Ends the claim of a task that is in the journal. Fails as little as `giveBack`: what is left is released at the next start. */
async function release(keeper: Keeper, id: string): Promise<void> {
  try {
    const path = withHeld(keeper, id, (held) => (wasWritten(keeper, held, id) ? pathOf(held) : removeHeld(held)));
    if (path === undefined) {
      forget(keeper, id);
      return;
    }
    // Somebody had it open all the time. What they wrote comes after what was accepted: it is like a file saved again.
    keeper.onNotice(
      `${shownName(path)} was written to while it was accepted as ${id}: it is in the inbox again, as it is now`,
    );
  } catch (error) {
    keeper.onNotice(`${join(keeper.folders.root, id)} cannot be removed now (${causeOf(error)})`);
    return;
  }
  await giveBack(keeper, id);
}

function wasWritten(keeper: Keeper, held: HeldFile, id: string): boolean {
  const print = keeper.prints.get(id);
  const stats = lstatSync(held.path, { throwIfNoEntry: false });
  return stats !== undefined && print !== undefined && !sameContent(printOf(stats), print);
}

function removeHeld(held: HeldFile): undefined {
  try {
    unlinkSync(held.path);
  } catch {
    rmSync(held.path, { recursive: true, force: true });
  }
}

/** Ends a claim and gives back what it holds, if it holds anything. Never fails: a claim that cannot be ended waits for the next start. */
async function giveBack(keeper: Keeper, id: string): Promise<void> {
  try {
    const held = keeper.folders.open(id, keeper.places.get(id));
    if (held === undefined) {
      forget(keeper, id);
      return;
    }
    try {
      noteReturn(keeper, held, await putBack(keeper.workspaceDir, held, id), id);
    } finally {
      held.close();
    }
  } catch (error) {
    keeper.onNotice(`what ${join(keeper.folders.root, id)} holds cannot be put back now (${causeOf(error)})`);
  }
}

function noteReturn(keeper: Keeper, held: HeldFile, returned: PutBack, id: string): void {
  const shown = shownName(pathOf(held));
  if (returned.kind === "no-room") {
    keeper.onNotice(
      `${shown} has no place to go back to: it stays in ${join(keeper.folders.root, id)} until the next start`,
    );
    return;
  }
  if (returned.kind === "kept-beside") {
    keeper.onNotice(
      `${shown} was saved again meanwhile: the earlier one is kept as ${shownName(returned.path)} and is not run`,
    );
  }
  forget(keeper, id);
}

/** Finishes what a crash interrupted. Nothing is told that another claim of this process could be working on: call it at start. */
async function leftClaims(keeper: Keeper, isJournaled: (id: string) => boolean): Promise<readonly LeftClaim[]> {
  const left: LeftClaim[] = [];
  for (const id of keeper.folders.ids()) {
    const isDone = isJournaled(id) || withHeld(keeper, id, (held) => isBack(keeper.workspaceDir, held, id)) === true;
    if (isDone) {
      await release(keeper, id);
      continue;
    }
    const reading = readHeld(keeper, id);
    if (reading?.kind === "drop")
      left.push({ id, drop: { ...reading.drop, changedAtMs: reading.drop.modifiedAtMs } }); // It was renamed by the claim last.
    else await giveBack(keeper, id);
  }
  return left;
}

function withHeld<Value>(keeper: Keeper, id: string, use: (held: HeldFile) => Value): Value | undefined {
  const held = keeper.folders.open(id, keeper.places.get(id));
  if (held === undefined) return undefined;
  try {
    return use(held);
  } finally {
    held.close();
  }
}

function forget(keeper: Keeper, id: string): void {
  keeper.prints.delete(id);
  keeper.folders.remove(id, keeper.places.get(id));
  keeper.places.delete(id);
}

function pathOf(held: HeldFile): string {
  return [INBOX, ...held.place.folders, held.place.name].join("/");
}
