import { expect, it } from "vitest";
import { loadCredentialRules } from "../../src/redact/credential-rules.ts";
import type { Span } from "../../src/redact/span.ts";

const rules = await loadCredentialRules();

function kindsIn(text: string): readonly string[] {
  const found: Span[] = [];
  rules.find(text, found);
  return found.map(({ kind }) => kind);
}

it.each(["A3TX", "AKIA", "AGPA", "AIDA", "AROA", "AIPA", "ANPA", "ANVA", "ASIA"])(
  "a key of AWS is found that begins with %s",
  (prefix) => {
    expect(kindsIn(`key: ${prefix}Q3EGRZ7K5TWXH2MV.`)).toEqual(["aws-access-key"]);
  },
);

it.each(["SECRET_ACCESS_KEY", "secretaccesskey", "Secret_Access_Key"])(
  "a secret key of AWS is found behind %s",
  (name) => {
    expect(kindsIn(`${name} = ${"aB3x".repeat(10)}`)).toContain("aws-secret-key");
  },
);

it("the number of an account of AWS is no secret", () => {
  expect(kindsIn("AWS_ACCOUNT_ID=1234-5678-9012")).toEqual([]);
});
