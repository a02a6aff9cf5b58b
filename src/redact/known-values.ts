import { lstatSync } from "node:fs";
import { readBoundedText } from "../base/files/read-bounded.ts";
import { parseObject } from "../base/json-shape.ts";
import { worldFaultCode } from "../base/world-fault.ts";
import type { Span } from "./span.ts";

/** Shorter ones would be found in words. */
const VALUE_MIN = 8;
/** A longer one is found by its beginning. */
const VALUE_MAX = 16_384;
const VALUES_MAX = 256;
const LOGIN_BYTES_MAX = 1_048_576;
/** Of a value that was cut with an ellipsis, so much is enough to be known. */
const CUT_MIN = 8;
/** What is cut on purpose is short: titles, reasons, values in messages. */
const CUT_MAX = 2_048;

/** Parts of a variable's name, between underscores: these words, and words that end like those. */
const SECRET_PARTS: ReadonlySet<string> = new Set(["PASS", "PWD", "AUTH", "COOKIE", "COOKIES", "PAT", "DSN"]);
const SECRET_ENDING = /(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|KEY|CREDENTIAL)S?$/;
/** Variables that are named like secrets and are none. */
const NO_SECRETS =
  /^(?:PWD|OLDPWD|SSH_AUTH_SOCK|XAUTHORITY|.*_(?:FILE|PATH|DIR|SOCK|ID|NAME|TYPE|ALGORITHM|EXPIRES?|TTL))$/;
const PATH = /^(?:~|\.{0,2})?\/[\w./@+~-]*$|^[A-Za-z]:\\/;
/** A word, a number, a list of words: nothing that one would guard. */
const COMMON = /^(?:[a-z]{1,11}|[A-Z]{1,11}|[A-Z]?[a-z]{1,10}|\d{1,11}|[a-z]+(?:[-_ ,.:][a-z]+){1,3}|true|false)$/;

interface KnownValue {
  readonly value: string;
  readonly kind: string;
  /** The value and what it is in base64, wherever it stands in what was encoded. */
  readonly forms: readonly string[];
}

/** Secrets that this process knows by their values. They are in its memory alone. */
export interface KnownValues {
  find(text: string, found: Span[]): void;
  /** Does the same with those alone that take several lines. */
  findLines(text: string, found: Span[]): void;
  /** What is known now; another object once something was added. */
  readonly values: readonly Pick<KnownValue, "value" | "kind">[];
  /** Looks whether codex's login was renewed. Old values stay known: they may be valid for a while, or may be printed late. */
  refresh(): void;
}

/**
 * @param environment of this process: values of variables whose names speak of secrets, and passwords in any URL of it
 * @param loginPath codex's auth.json; `undefined` where there is no codex home
 */
export function createKnownValues(
  environment: Readonly<Record<string, string | undefined>>,
  loginPath: string | undefined,
): KnownValues {
  let values: readonly KnownValue[] = [];
  let stamp = "";
  const add = (found: readonly string[], kind: string): void => {
    const known = new Set(values.map(({ value }) => value));
    const fresh = [...new Set(found)].filter((value) => value.length >= VALUE_MIN && !known.has(value));
    if (fresh.length === 0) return;
    const added = fresh.map((value) => ({ value, kind, forms: formsOf(value.slice(0, VALUE_MAX)) }));
    values = [...values, ...added].slice(-VALUES_MAX);
  };
  const refresh = (): void => {
    if (loginPath === undefined) return;
    const now = stampOf(loginPath);
    if (now === stamp) return;
    const found = loginValues(loginPath);
    if (found === undefined) return; // It is read again for the next text.
    stamp = now;
    add(found, "codex-login");
  };
  add(secretsOf(environment), "environment-secret");
  refresh();
  return {
    find(text, found) {
      for (const { forms, kind } of values) for (const form of forms) findForm(text, form, kind, found);
      findCut(text, values, found);
    },
    findLines(text, found) {
      for (const { value, kind } of values) if (value.includes("\n")) findForm(text, value, kind, found);
    },
    get values() {
      return values;
    },
    refresh,
  };
}

function findForm(text: string, form: string, kind: string, found: Span[]): void {
  for (let at = text.indexOf(form); at !== -1; at = text.indexOf(form, at + form.length))
    found.push({ start: at, end: at + form.length, kind });
}

/** What other code has cut is told by its ellipsis: the beginning of a value before it is found too. Each stretch is looked at once. */
function findCut(text: string, values: readonly KnownValue[], found: Span[]): void {
  let from = 0;
  for (let at = text.indexOf("…"); at !== -1; at = text.indexOf("…", from)) {
    const stretch = text.slice(Math.max(from, at - CUT_MAX), at).trimEnd();
    for (const { value, kind } of values) {
      const last = stretch.lastIndexOf(value.slice(0, CUT_MIN));
      if (last === -1 || !value.startsWith(stretch.slice(last))) continue;
      const start = Math.max(from, at - CUT_MAX) + last;
      found.push({ start, end: start + stretch.length - last, kind });
    }
    from = at + 1;
  }
}

function secretsOf(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(environment).flatMap(([name, value = ""]) => {
    const [, password] = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@:]*:([^\s/?#@]+)@/i.exec(value) ?? [];
    if (password !== undefined) return [password, decoded(password)];
    return isSecretVariable(name, value) ? [value, value.trim()] : [];
  });
}

/** Tells whether a variable is one whose value must not be kept, by its name and by what its value is not. */
function isSecretVariable(name: string, value: string): boolean {
  const parts = name.toUpperCase().split("_");
  const speaks = parts.some((part) => SECRET_PARTS.has(part) || SECRET_ENDING.test(part));
  const isNamed = speaks && !NO_SECRETS.test(name.toUpperCase());
  return (
    isNamed && value.trim().length >= VALUE_MIN && !COMMON.test(value) && !PATH.test(value) && !/^\w+:\/\//.test(value)
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // No escapes of a URL.
  }
}

/** Every text of auth.json but its times. A file that is not there, or is being written, has none. `undefined`: the machine cannot read it just now. */
function loginValues(path: string): readonly string[] | undefined {
  try {
    const login = parseObject(readBoundedText(path, LOGIN_BYTES_MAX) ?? "");
    return login === undefined
      ? []
      : textsIn(login).filter((text) => text.length >= 16 && !/^\d{4}-\d\d-\d\dT/.test(text));
  } catch (error) {
    return worldFaultCode(error) === undefined ? [] : undefined; // Where it cannot be read by us, codex will say so.
  }
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

function stampOf(path: string): string {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false }); // Asked for each text: an exception would cost ten times as much.
    return stats === undefined ? "absent" : `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
  } catch {
    return "absent";
  }
}

/** As it is, as it stands in JSON (in JSON) and in URLs, and in base64. That takes three bytes at a time: a value has one form for each place where it may begin among them. */
function formsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  const encoded = [0, 1, 2].flatMap((before) => {
    const all = Buffer.concat([Buffer.alloc(before), bytes]);
    // Only the characters that hold nothing of what stands before and behind it.
    const form = all.toString("base64").slice(Math.ceil((before * 8) / 6), Math.floor((all.length * 8) / 6));
    return [form, form.replaceAll("+", "-").replaceAll("/", "_")];
  });
  const escaped = JSON.stringify(value).slice(1, -1);
  const urlEncoded = encodeURIComponent(value.toWellFormed());
  const forms = [value, escaped, JSON.stringify(escaped).slice(1, -1), urlEncoded, ...encoded];
  return [...new Set(forms)].filter((form) => form.length >= VALUE_MIN);
}
