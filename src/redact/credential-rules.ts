import type { Span } from "./span.ts";

/** What of a rule of secretlint is used: a pass over a text that reports ranges, at once (13.0.7). */
interface Rule {
  readonly meta: { readonly id: string };
  create(context: RuleContext, options: object): { file?(source: Source): unknown };
}

interface RuleContext {
  createTranslator(): (messageId: string, values?: Readonly<Record<string, unknown>>) => Message;
  report(found: { readonly message: Message; readonly range: readonly [number, number] }): void;
}

/** What a rule would say, and the words in it: one of them is the secret. */
interface Message {
  readonly id: string;
  readonly words: readonly string[];
}

interface Source {
  readonly content: string;
  readonly contentType: "text";
  readonly filePath: undefined;
  readonly ext: "";
}

/** Finds credentials by their formats. Takes linear time: every pattern of the rules is bounded. */
export interface CredentialRules {
  find(text: string, found: Span[]): void;
}

/** What stands between the beginning of a match and the secret in it. */
const FAR = 256;
const RULE_PREFIX = "@secretlint/secretlint-rule-";
/**
 * Rules that are not asked: one lets comments in a text switch the others off, one reads files, and the passwords of URLs are found by
 * shape (shapes.ts), whatever the scheme and without the rest of the address.
 */
const NOT_ASKED: ReadonlySet<string> = new Set(["filter-comments", "gcp", "basicauth", "database-connection-string"]);

/**
 * What a text holds in which the rule for AWS finds anything but the number of an account. It is asked only then: to look for such a
 * number took it a third of the time of all rules together.
 */
const AWS_WORDS = /A(?:3T|KIA|GPA|IDA|ROA|IPA|NPA|NVA|SIA)|secret/i;
const AWS = "aws";

/** Off by default: keys of AWS by themselves. With them come numbers of accounts, which are no secrets. */
const OPTIONS = { enableIDScanRule: true };
const NO_SECRET = "AWSAccountID";

const KINDS: Readonly<Record<string, string>> = {
  AWSAccessKeyID: "aws-access-key",
  AWSSecretAccessKey: "aws-secret-key",
  PackageJSON_xOauthToken: "github-token",
  Npmrc_authToken: "npm-token",
  NPM_ACCESS_TOKEN: "npm-token",
  IncomingWebhook: "slack-webhook",
};

/** Loads secretlint's recommended rules: one file of 230 KB without dependencies, 7 ms and 5 MB. */
export async function loadCredentialRules(): Promise<CredentialRules> {
  const { rules } = (await import("@secretlint/secretlint-rule-preset-recommend")) as { rules: readonly Rule[] };
  let report: RuleContext["report"] = () => undefined;
  const context: RuleContext = {
    createTranslator:
      () =>
      (id, values = {}) => ({ id, words: Object.values(values).filter((value) => typeof value === "string") }),
    report: (found) => report(found),
  };
  const asked = rules.filter(({ meta }) => !NOT_ASKED.has(meta.id.replace(RULE_PREFIX, "")));
  const passes = asked.flatMap((rule) => {
    const { file } = rule.create(context, OPTIONS);
    const words = rule.meta.id === `${RULE_PREFIX}${AWS}` ? AWS_WORDS : undefined;
    return file === undefined ? [] : [{ file, words }];
  });
  return {
    find(content, found) {
      report = ({ message, range }) => {
        if (message.id !== NO_SECRET)
          found.push({ ...placeOf(content, message.words, range), kind: kindOf(message.id) });
      };
      for (const { file, words } of passes)
        if (words?.test(content) !== false) file({ content, contentType: "text", filePath: undefined, ext: "" });
    },
  };
}

/** "GITHUB_TOKEN" → "github-token", "hashicorpVaultToken" → "hashicorp-vault-token". */
function kindOf(messageId: string): string {
  const words = messageId.replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2").replaceAll(/[^A-Za-z0-9]+/g, "-");
  return KINDS[messageId] ?? words.toLowerCase();
}

/** A range may begin before the secret and be as long as that alone (aws, 13.0.7): where the rule names the secret, that is looked for. */
function placeOf(
  text: string,
  words: readonly string[],
  [start, end]: readonly [number, number],
): Pick<Span, "start" | "end"> {
  const near = text.slice(start, Math.max(end, start + FAR) + FAR);
  const [secret = ""] = words.filter((word) => near.includes(word)).sort((a, b) => b.length - a.length);
  if (secret === "") return { start, end };
  const at = start + near.indexOf(secret);
  return { start: at, end: at + secret.length };
}
