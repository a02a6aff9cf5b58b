import type { Span } from "./span.ts";

/** A key of 16,384 bits takes some 13,000 characters. */
const PRIVATE_KEY_MAX = 20_000;
const KEY_BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
const KEY_END = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/y;
/** Less than this is no key but an ellipsis or a word that stands for one. */
const KEY_BODY = /[A-Za-z0-9+/]{40}/;
/** What a key consists of that was cut off. */
const KEY_REST = /(?:(?:[\s"'+>|,-]|\\[nr]){0,8}[A-Za-z0-9+/=]{16,20000}){0,300}/y;

/** Words that stand where a secret would. */
const PLACEHOLDER =
  /^(?:[x*.\u2022_-]+|(?:your|my|the|some|a|an|new|old)?[-_ ]?(?:example|test|dummy|fake|sample)?[-_ ]?(?:api|auth|access|bearer|secret|jwt|id|session|user|db|database)?[-_ ]?(?:token|key|secret|credentials?|passw(?:or)?d|pass|pwd|pw|value|string|null|undefined|none|changeme|redacted|example|placeholder)s?(?:[-_ ]?here)?)$/i;
const VARIABLE = /[${}<>\u2026]|^%[a-z]|^\[redacted:|\.\.\./i;

const AUTHORIZATION =
  /(?:proxy-)?authorization\b\\{0,8}["'`]?[ \t]{0,8}[:=][ \t]{0,8}\\{0,8}["'`]?(?:(?:bearer|basic|token|negotiate|apikey|bot)[ \t]{1,8}(?<scheme>)|(?<bare>))(?<value>[A-Za-z0-9][\w.~+/=:@%-]{7,8191})/gi;
/**
 * The same as programs print it that hold headers as lists, pairs or mappings (Go, Node, Python, HAR files, YAML): between name and scheme
 * stands punctuation of any kind, and the word `value`. Only with a scheme: that is what tells it from code.
 */
const LISTED_AUTHORIZATION =
  /(?:proxy-)?authorization\b[^\w\n]{0,16}(?:\n[ \t-]{0,32})?(?:value[^\w\n]{1,16})?b?["'`]?(?:bearer|basic|token|negotiate|apikey|bot)[ \t]{1,8}\\{0,8}["'`]?(?<value>[A-Za-z0-9][\w.~+/=:@%-]{7,8191})/gi;
const COOKIE =
  /\b(?:set-)?cookie\b\\{0,8}["'`]?[ \t]{0,8}[:,][ \t]{0,8}(?:\[[ \t]{0,8})?\\{0,8}["'`]?(?<value>[\w.!#$%&*+^|~-]{1,128}=[^\s"'`\\;,]{1,4096}(?:;[ \t]{0,4}[\w.!#$%&*+^|~-]{1,128}(?:=[^\s"'`\\;,]{0,4096})?){0,100})/gi;
const COOKIE_ATTRIBUTE = /^(?:path|domain|expires|max-age|samesite|priority|secure|httponly|partitioned|version)$/i;
const JSON_WEB_TOKEN = /(?<![\w-])eyJ[\w-]{10,8192}\.eyJ[\w-]{10,8192}\.[\w-]{16,8192}/g;

/** A parameter of a URL or of a form. */
const PARAMETER = /[?&](?:amp;)?(?<name>[\w.-]{1,40})=(?<value>[\w.~+/=:@!$*%-]{4,1024})/g;
const PASSWORD_PARAMETER = /^(?:password|passwd|passphrase|pass|pwd)$/i;
const SECRET_PARAMETER =
  /^(?:(?:access|refresh|id|auth|private|job|oauth|session|api|bearer)?[-_.]?token|(?:client|app|api|consumer)?[-_.]?secret|(?:api|access|auth|subscription)[-_.]?key|auth|jwt|sig|signature|x-amz-(?:signature|security-token|credential)|x-goog-(?:signature|credential))$/i;

/** What a client of HTTP digest authentication proves its password with: it can be guessed from that. */
const DIGEST = /\bdigest[ \t]{1,8}\\{0,8}(?=(?:username|realm|nonce|uri|algorithm|response|qop|nc|cnonce|opaque)=)/gi;
const DIGEST_MAX = 2_048;
const DIGEST_PROOF = /\b(?:response|cnonce)=\\{0,8}["']?(?<value>[\w+/=-]{8,256})/gi;

/** The last character of a scheme. */
const SCHEME_END = /[a-z0-9]/i;
const USER_INFO = /([^\s/?#@:"'`<>[\]\\]{0,128}):([^\s/?#@"'`<>\\]{1,512})@(?=[A-Za-z0-9[])/y;
const USER_TOKEN = /([^\s/?#@:"'`<>[\]\\]{20,512})@(?=[A-Za-z0-9[])/y;

/** Adds the secrets that are told by what stands around them: private keys, headers of requests, passwords and tokens in URLs, web tokens. */
export function findShapes(text: string, found: Span[]): void {
  findPrivateKeys(text, found);
  findHeaders(text, found);
  findUrlPasswords(text, found);
  findParameters(text, found);
  findDigests(text, found);
  for (const { 0: token, index } of text.matchAll(JSON_WEB_TOKEN))
    found.push({ start: index, end: index + token.length, kind: "json-web-token" });
}

/** Adds private keys, in their blocks of text. Each is looked at up to the beginning of the next. */
export function findPrivateKeys(text: string, found: Span[]): void {
  const begins = [...text.matchAll(KEY_BEGIN)];
  for (const [which, { 0: line, index }] of begins.entries()) {
    const bodyStart = index + line.length;
    const limit = Math.min(begins[which + 1]?.index ?? text.length, bodyStart + PRIVATE_KEY_MAX);
    const body = text.slice(bodyStart, limit);
    const endAt = body.indexOf("-----END ");
    KEY_END.lastIndex = bodyStart + endAt;
    const [endLine] = endAt === -1 ? [] : (KEY_END.exec(text) ?? []);
    KEY_REST.lastIndex = 0;
    const rest = endLine === undefined ? (KEY_REST.exec(body)?.[0] ?? "") : body.slice(0, endAt);
    if (!KEY_BODY.test(rest)) continue;
    found.push({ start: index, end: bodyStart + rest.length + (endLine?.length ?? 0), kind: "private-key" });
  }
}

function findHeaders(text: string, found: Span[]): void {
  const headers = [...text.matchAll(AUTHORIZATION), ...text.matchAll(LISTED_AUTHORIZATION)];
  for (const { 0: header, index, groups = {} } of headers) {
    const { value = "", bare } = groups;
    const secret = withoutPunctuation(value);
    const isOne = bare !== undefined ? isMixed(secret) : secret.length >= 24 || /\d/.test(secret);
    if (!isOne || VARIABLE.test(secret) || PLACEHOLDER.test(secret)) continue;
    const start = index + header.length - value.length;
    found.push({ start, end: start + secret.length, kind: "authorization" });
  }
  for (const { 0: header, index, groups = {} } of text.matchAll(COOKIE)) {
    const { value = "" } = groups;
    const start = index + header.length - value.length;
    let at = start;
    for (const pair of value.split(";")) {
      const end = at + pair.length;
      const [name = "", ...rest] = pair.split("=");
      const secret = rest.join("=");
      at = end + 1;
      if (secret.length < 6 || COOKIE_ATTRIBUTE.test(name.trim())) continue;
      if (VARIABLE.test(secret) || PLACEHOLDER.test(secret)) continue;
      found.push({ start: end - secret.length, end, kind: "cookie" });
    }
  }
}

/** The end of a sentence is no part of what stands at it. */
function withoutPunctuation(value: string): string {
  let end = value.length;
  while (end > 0 && ".:,".includes(value.charAt(end - 1))) end -= 1;
  return value.slice(0, end);
}

/** Without a scheme, `authorization: string` and the like are code. */
function isMixed(value: string): boolean {
  return (
    value.length >= 16 && /\d/.test(value) && /[a-z]/i.test(value) && !/^[\w.]+\(|^[a-z]+(?:\.[a-z]\w*)+$/i.test(value)
  );
}

function findParameters(text: string, found: Span[]): void {
  for (const { 0: parameter, index, groups = {} } of text.matchAll(PARAMETER)) {
    const { name = "", value = "" } = groups;
    const isPassword = PASSWORD_PARAMETER.test(name);
    if (!isPassword && !(SECRET_PARAMETER.test(name) && isRandom(value))) continue;
    if (VARIABLE.test(value) || PLACEHOLDER.test(value)) continue;
    const end = index + parameter.length;
    found.push({ start: end - value.length, end, kind: "url-parameter" });
  }
}

function isRandom(value: string): boolean {
  return value.length >= 12 && /\d/.test(value) && /[a-z]/i.test(value);
}

/** Each stretch is looked at once. */
function findDigests(text: string, found: Span[]): void {
  let from = 0;
  for (const { index } of text.matchAll(DIGEST)) {
    if (index < from) continue;
    from = index + DIGEST_MAX;
    for (const { 0: proof, index: at, groups = {} } of text.slice(index, from).matchAll(DIGEST_PROOF)) {
      const end = index + at + proof.length;
      found.push({ start: end - (groups.value ?? "").length, end, kind: "authorization" });
    }
  }
}

function findUrlPasswords(text: string, found: Span[]): void {
  for (let at = text.indexOf("://"); at !== -1; at = text.indexOf("://", at + 3)) {
    if (!SCHEME_END.test(text.charAt(at - 1))) continue;
    USER_INFO.lastIndex = at + 3;
    USER_TOKEN.lastIndex = at + 3;
    const [whole = "", user, password] = USER_INFO.exec(text) ?? [];
    const secret = password ?? USER_TOKEN.exec(text)?.[1];
    if (
      secret === undefined ||
      secret.length < 4 ||
      secret === user ||
      VARIABLE.test(secret) ||
      PLACEHOLDER.test(secret)
    )
      continue;
    const start = password === undefined ? at + 3 : at + 3 + whole.length - 1 - password.length;
    if (password === undefined && !isMixed(secret)) continue;
    found.push({ start, end: start + secret.length, kind: "url-password" });
  }
}
