import { CoordinatorError } from "../base/errors.ts";
import { type ComposedText, composeText, type TaskChange, wholeText } from "../task/file/task-text.ts";

const JSON_TYPE = /^application\/([\w.-]+\+)?json\s*(;|$)/i;
const DECLARE = 'send it with the header "Content-Type: application/json"';
const EXAMPLE = 'such as {"prompt": "Fix the typo", "sessionKey": "docs"}';
const KEY_LENGTH_MAX = 255;

/**
 * Returns the task that a body asks for: the body itself as a task file, or JSON whose `prompt` stands apart from its front matter.
 *
 * @throws CoordinatorError `BAD_JSON`; `UNDECLARED_JSON` for a JSON object that is declared as something else; `TASK_FILE`
 */
export function submittedTask(bytes: Uint8Array, contentType: string | undefined): ComposedText {
  const body = decode(bytes);
  if (!isJson(contentType)) {
    refuseForm(contentType);
    if (looksLikeJson(body)) throw new CoordinatorError("UNDECLARED_JSON", `the body is a JSON object: ${DECLARE}`);
    return wholeText(body);
  }
  const { prompt, ...keys } = jsonObject(body);
  if (typeof prompt !== "string") throw promptProblem(`expected a JSON object with a text "prompt", ${EXAMPLE}`);
  return composed(keys, prompt);
}

/** Returns what a body asks to change. @throws CoordinatorError as `submittedTask` */
export function askedChange(bytes: Uint8Array, contentType: string | undefined): TaskChange {
  if (!isJson(contentType)) throw new CoordinatorError("UNDECLARED_JSON", `a change is a JSON object: ${DECLARE}`);
  const { prompt, ...keys } = jsonObject(decode(bytes));
  if (prompt !== undefined && typeof prompt !== "string") throw promptProblem('"prompt" takes a text');
  if (prompt === undefined && Object.keys(keys).length === 0)
    throw new CoordinatorError("USAGE", 'nothing is to be changed: name keys, such as {"priority": 0}, or a "prompt"');
  return { keys, prompt };
}

/** Returns a client's own name for its request. @throws CoordinatorError `USAGE` */
export function idempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(header) && header.length <= KEY_LENGTH_MAX) return header;
  const expected = `1 to ${KEY_LENGTH_MAX} visible ASCII characters, such as a UUID`;
  throw new CoordinatorError("USAGE", `Idempotency-Key takes ${expected}`);
}

function isJson(contentType: string | undefined): boolean {
  return JSON_TYPE.test(contentType ?? "");
}

/** What a form sends is packed in a way that would become part of the prompt. */
function refuseForm(contentType: string | undefined): void {
  if (!/^multipart\//i.test(contentType ?? "")) return;
  const expected = '"Content-Type: text/markdown" with a task file as the body, or application/json';
  throw new CoordinatorError("UNDECLARED_JSON", `a multipart form is not read: expected ${expected}`);
}

function looksLikeJson(body: string): boolean {
  const text = body.trim();
  if (!text.startsWith("{") || !text.endsWith("}")) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // It only begins like one.
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CoordinatorError("TASK_FILE", "the body is not valid UTF-8", { cause });
  }
}

function jsonObject(body: string): { readonly prompt?: unknown } & Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new CoordinatorError("BAD_JSON", `the body is not valid JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  throw new CoordinatorError("TASK_FILE", `expected a JSON object, ${EXAMPLE}`);
}

/** `JSON.parse` takes any number of levels, what writes them recurses. */
function composed(keys: Readonly<Record<string, unknown>>, prompt: string): ComposedText {
  try {
    return composeText(keys, prompt);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new CoordinatorError("TASK_FILE", "the body holds lists or mappings too deep inside each other", { cause });
  }
}

function promptProblem(message: string): CoordinatorError {
  return new CoordinatorError("TASK_FILE", message, { places: [{ key: "prompt", message }] });
}
