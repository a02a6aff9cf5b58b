import { createHash } from "node:crypto";

/** A secret as it stands in a text. Its parts are put together here, so that our own source holds none. */
export interface PlantedSecret {
  readonly kind: string;
  /** What must not be kept. */
  readonly secret: string;
  /** A line that shows it for what it is, and the same line as it is kept. */
  readonly line: string;
  readonly kept: string;
  /** Known by value alone: found in other encodings too. */
  readonly isKnown: boolean;
}

let made = 0;

/** Returns letters and digits that stand nowhere else. */
function mixed(count: number): string {
  made += 1;
  let text = "";
  for (let part = 0; text.length < count; part += 1)
    text += createHash("sha256")
      .update(`${made} ${part}`)
      .digest("base64")
      .replaceAll(/[^A-Za-z0-9]/g, "");
  return text.slice(0, count);
}

const PEM = ["-----BEGIN RSA PRIVATE", " KEY-----\n", `MII${mixed(61)}\n${mixed(64)}\n${mixed(40)}==\n`].join("");

/** The value of a variable of the coordinator, with what has to be escaped in JSON and in URLs. */
export const VARIABLE_SECRET = ['p9"s/', "w0+rd\\", "k=7&", mixed(12)].join("");
export const LOGIN_SECRET = ["at_", mixed(48)].join("");
export const SECRET_ENVIRONMENT = { BILLING_API_TOKEN: VARIABLE_SECRET };

function found(kind: string, secret: string, around: (secret: string) => string = String): PlantedSecret {
  return { kind, secret, line: around(secret), kept: around(`[redacted: ${kind}]`), isKnown: false };
}

export const PLANTED_SECRETS: readonly PlantedSecret[] = [
  found("aws-access-key", ["AK", "IA", "Q3EGRZ7K5TWXH2MV"].join("")),
  found("aws-secret-key", mixed(40), (secret) => `aws_secret_access_key = ${secret}`),
  found("github-token", ["gh", "p_", mixed(36)].join("")),
  found("github-token", ["github", "_pat_", mixed(82)].join("")),
  found("gitlab-personal-access-token", ["gl", "pat-", mixed(20)].join("")),
  found("npm-token", ["np", "m_", mixed(36)].join("")),
  found("slack-token", ["xo", "xb-", "123456789012-1234567890123-", mixed(24)].join("")),
  found("slack-webhook", ["https://hooks.sl", "ack.com/services/T0AB12CD3/B0AB12CD3/", mixed(24)].join("")),
  found("stripe-secret-key-live", ["sk", "_live_", mixed(24)].join("")),
  found("sendgrid-key", ["SG", ".", mixed(22), ".", mixed(43)].join("")),
  found("openai-token", ["sk", "-proj-", mixed(74), "T3Blbk", "FJ", mixed(74)].join("")),
  found("anthropic-api-key", ["sk", "-ant-api03-", mixed(93), "AA"].join("")),
  found("private-key", [PEM, "-----END RSA PRIVATE", " KEY-----"].join("")),
  found("authorization", mixed(30), (secret) => `curl -H 'Authorization: Bearer ${secret}' https://example.com`),
  found("cookie", mixed(26), (secret) => `Set-Cookie: sid=${secret}; Path=/; HttpOnly`),
  found("url-password", `Zk7!${mixed(10)}`, (secret) => `postgres://app:${secret}@db.example.com/app`),
  found("json-web-token", ["ey", "J", mixed(20), ".ey", "J", mixed(40), ".", mixed(43)].join("")),
  { ...found("environment-secret", VARIABLE_SECRET), isKnown: true },
  { ...found("codex-login", LOGIN_SECRET), isKnown: true },
];

/** Returns the forms in which a secret may stand in a file: as it is, escaped, encoded. */
export function formsOf(secret: string): readonly string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const base64 = [0, 1, 2].map((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]);
    return bytes.toString("base64").slice(Math.ceil((before * 4) / 3), Math.floor((bytes.length * 4) / 3));
  });
  const url64 = base64.map((form) => form.replaceAll("+", "-").replaceAll("/", "_"));
  const forms = [secret, json, JSON.stringify(json).slice(1, -1), encodeURIComponent(secret), ...base64, ...url64];
  return [...new Set(forms)];
}
