import { isThreadId } from "../names/thread-id.ts";
import { isCount, isUsage } from "../records/task-file/task-account.ts";
import type { Usage } from "../state/run.ts";
import { asKeptText, type Kept, type KeptText } from "../text/kept-text.ts";
import { isConflictMarker } from "../text/one-line.ts";
import { formatJsonLine, type JsonObject, parseJsonLine, withLines } from "./json-lines.ts";
import {
  accountSlot,
  compactAccounts,
  foldAccounts,
  isCovered,
  type SessionAccount,
  sumSlot,
} from "./session-account.ts";
import type { SessionFact } from "./session-fact.ts";

/** What the facts of a session come to. */
export interface SessionState {
  readonly opened: boolean;
  readonly archived: boolean;
  readonly thread: string | undefined;
  /** The task that brought `thread`. */
  readonly threadTask: string | undefined;
  /** Of `thread`; what earlier threads used does not count. */
  readonly usageTotal: Usage | undefined;
  /** Of each thread that is known. */
  readonly usages: ReadonlyMap<string, Usage>;
  /** The greatest `n`; 0 without facts. */
  readonly counter: number;
}

/** A session.jsonl of more characters than this is compacted: every commit stores the whole file. */
const FACTS_COMPACT_LENGTH = 16_384;

/** Compacting keeps what this many threads used, the newest ones and the session's own. */
const USAGE_THREADS_KEPT = 16;
/** A greater counter is junk: it would leave no room for the next one. */
const COUNTER_MAX = 1_000_000_000;
/** A longer line is junk: formatting a value nested that deeply would exhaust the stack. */
const LINE_LENGTH_MAX = 4096;
const LEADING_KEYS = ["v", "n", "time", "kind"] as const;

/** Returns the facts of a session.jsonl in the order of the text; what is none of ours, or of a later version, is passed over. */
export function parseFacts(text: string): readonly SessionFact[] {
  return text.split("\n").flatMap((line) => parseFact(line) ?? []);
}

/**
 * Returns what `facts` come to: per kind (and for usage per thread) the greatest by (n, time, text of the line) counts. This is
 * a join, so the facts may come in any order and repeated. A fact that lacks a field of its kind does not count.
 */
export function foldFacts(facts: Iterable<SessionFact>): SessionState {
  const { slots, counter } = greatestFacts(facts);
  const thread = slots.get("thread");
  const usage = slots.get(usageSlot(thread))?.total;
  return {
    opened: slots.has("opened"),
    archived: slots.get("archived")?.archived === true,
    thread: textOf(thread?.thread),
    threadTask: textOf(thread?.task),
    usageTotal: isUsage(usage) ? usage : undefined,
    usages: new Map(
      [...slots.values()].flatMap(({ kind, thread: of, total }) =>
        kind === "usage" && isUsage(total) ? [[String(of), total]] : [],
      ),
    ),
    counter,
  };
}

/** Returns what the tasks of a session have taken, as its facts tell; a join like `foldFacts`. */
export function foldAccount(facts: Iterable<SessionFact>): SessionAccount {
  return foldAccounts(greatestFacts(facts).slots.values());
}

/**
 * Returns session.jsonl with `facts` at its end, without those that it holds already or that a greater one of it outdoes. Keys
 * stand in a fixed order. Above `compactLength` characters, facts that no longer count are left out: git keeps their history.
 */
export function appendFacts(
  current: string | undefined,
  facts: readonly Kept<SessionFact>[],
  compactLength: number = FACTS_COMPACT_LENGTH,
): KeptText | "unchanged" {
  const text = current ?? "";
  const present = parseFacts(text);
  const known = new Set(present.map(formatFact));
  const { slots } = greatestFacts(present);
  const added: string[] = [];
  for (const fact of facts) {
    const line = formatFact(fact);
    if (known.has(line) || !placeFact(slots, fact)) continue;
    known.add(line);
    added.push(line);
  }
  if (added.length === 0) return "unchanged";
  const result = withLines(text, added);
  const clone = textOf(facts.findLast(({ kind }) => kind === "account")?.clone);
  return asKeptText(result.length > compactLength ? compactFacts(result, clone) : result);
}

/** Keeps the greatest fact of each slot, the one with the greatest counter, and what is not understood. */
function compactFacts(text: string, clone: string | undefined): string {
  const { slots, counter } = greatestFacts(parseFacts(text));
  if (clone !== undefined) {
    const accounts = compactAccounts([...slots.values()], clone);
    for (const [slot, { kind }] of slots) if (kind === "account" || kind === "accounts") slots.delete(slot);
    for (const fact of accounts) slots.set(accountSlot(fact) ?? "", fact);
  }
  const own = usageSlot(slots.get("thread"));
  const usages = [...slots]
    .filter(([slot]) => slot.startsWith(USAGE))
    .sort(([, a], [, b]) => (isGreater(a, b) ? -1 : 1));
  for (const [slot] of usages.slice(USAGE_THREADS_KEPT)) if (slot !== own) slots.delete(slot);
  const kept = new Set([...slots.values()].map(formatFact));
  const lines = text.split("\n").filter((line) => {
    const fact = parseFact(line);
    if (fact === undefined) return line.trim() !== "" && !isConflictMarker(line);
    return kept.delete(formatFact(fact)) || slotOf(fact) === undefined || fact.n === counter;
  });
  return withLines("", [...lines, ...kept]); // What is left of `kept` is new: a sum.
}

interface GreatestFacts {
  readonly slots: Map<string, SessionFact>;
  readonly counter: number;
}

function greatestFacts(facts: Iterable<SessionFact>): GreatestFacts {
  const slots = new Map<string, SessionFact>();
  let counter = 0;
  for (const fact of facts) {
    counter = Math.max(counter, fact.n);
    placeFact(slots, fact);
  }
  return { slots, counter };
}

/** Puts the fact into its slot if it is the greatest there; false when the one there outdoes it. Facts without a slot do not compete. */
function placeFact(slots: Map<string, SessionFact>, fact: SessionFact): boolean {
  const slot = slotOf(fact);
  if (slot === undefined) return true;
  if (isCovered(fact, slots.get(sumSlot(fact)))) return false;
  const known = slots.get(slot);
  if (known !== undefined && isGreater(known, fact)) return false;
  slots.set(slot, fact);
  return true;
}

function parseFact(line: string): SessionFact | undefined {
  if (line.length > LINE_LENGTH_MAX) return undefined;
  const value = parseJsonLine(line);
  return value !== undefined && isFact(value) ? value : undefined;
}

function formatFact(fact: SessionFact): string {
  return formatJsonLine(fact, LEADING_KEYS);
}

function isGreater(fact: SessionFact, than: SessionFact): boolean {
  if (fact.n !== than.n) return fact.n > than.n;
  if (fact.time !== than.time) return fact.time > than.time;
  return formatFact(fact) > formatFact(than);
}

/** Facts of one slot compete for it. `undefined`: not understood, or a field is missing. */
function slotOf(fact: SessionFact): string | undefined {
  switch (fact.kind) {
    case "opened":
      return fact.kind;
    case "thread":
      return isThread(fact.thread) ? fact.kind : undefined;
    case "usage":
      return isThread(fact.thread) && isUsage(fact.total) ? usageSlot(fact) : undefined;
    case "account":
    case "accounts":
      return accountSlot(fact);
    case "archived":
      return typeof fact.archived === "boolean" ? fact.kind : undefined;
    default:
      return undefined;
  }
}

const USAGE = "usage ";

function usageSlot(fact: SessionFact | undefined): string {
  return `${USAGE}${textOf(fact?.thread)}`;
}

function isFact(value: JsonObject): value is SessionFact {
  const { v, n, time, kind } = value;
  return v === 1 && isCount(n) && n >= 1 && n <= COUNTER_MAX && typeof time === "string" && typeof kind === "string";
}

/** A malformed id must never reach codex, which would silently open a new thread for it. */
function isThread(value: unknown): value is string {
  return typeof value === "string" && isThreadId(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
