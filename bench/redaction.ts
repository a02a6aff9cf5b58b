/**
 * What the redaction boundary costs.
 *
 *   npx node bench/redaction.ts [--megabytes 4] [--rounds 5] [--smoke]
 *
 * Takes texts of several kinds through it and prints for each MB/s, the ratio to copying the same text byte by byte, and how many
 * markers were put in (none of these texts holds a secret but the last). Then what makes it slow on purpose, and how long the event
 * loop waits while 4 MB pass in slices. Rounds take turns; figures are medians.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadCredentialRules } from "../src/redact/credential-rules.ts";
import { createKeeper } from "../src/redact/keeper.ts";
import { createKnownValues } from "../src/redact/known-values.ts";
import { PLANTED_SECRETS, SECRET_ENVIRONMENT } from "../test/support/planted-secrets.ts";
import { median } from "./support/statistics.ts";

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "4" },
    rounds: { type: "string", default: "5" },
    smoke: { type: "boolean", default: false },
  },
});
const bytes = (values.smoke ? 0.25 : Number(values.megabytes)) * 1_048_576;
const rounds = values.smoke ? 1 : Number(values.rounds);
const ROOT = join(import.meta.dirname, "..");

const beforeMb = process.memoryUsage().rss / 1_048_576;
const startedMs = performance.now();
const rules = await loadCredentialRules();
const loadMs = performance.now() - startedMs;
const loadMb = process.memoryUsage().rss / 1_048_576 - beforeMb;
const keeper = createKeeper(rules, createKnownValues(SECRET_ENVIRONMENT, undefined));

const source = filled(textsIn("src"));
const lines = Array.from({ length: 20_000 }, (_, index) => `${index} ok - test ${index} took ${index % 97} ms`).join(
  "\n",
);
const TEXTS: Readonly<Record<string, string>> = {
  "source text": source,
  "the same in JSON": JSON.stringify(source).slice(0, bytes),
  "output of tests": filled([lines]),
  "one long line": filled(["x".repeat(4_096)]),
  base64: Buffer.from(source).toString("base64").slice(0, bytes),
  "a lock file": filled([readFileSync(join(ROOT, "package-lock.json"), "utf8")]),
  "secrets, one in 20 lines": filled([PLANTED_SECRETS.map(({ line }) => `${line}\n${lines.slice(0, 700)}\n`).join("")]),
};
const SLOW: Readonly<Record<string, string>> = {
  "ghs_1_ghs_1_…": filled(["ghs_1_"]),
  "SG.a.aaa…": filled([`SG.a.${"a".repeat(300)} `]),
  "… … …": filled(["… "]),
  "zero-width blanks": filled(["\u200B"]),
  backslashes: filled(["\\n"]),
};

console.log(`rules loaded in ${loadMs.toFixed(0)} ms, ${loadMb.toFixed(1)} MB\n`);
console.log(
  `| ${(bytes / 1_048_576).toFixed(2)} MB of | MB/s | ratio to copying | markers |\n| --- | ---: | ---: | ---: |`,
);
for (const [name, text] of Object.entries({ ...TEXTS, ...SLOW })) {
  const [took, copied] = [[] as number[], [] as number[]];
  let markers = 0;
  for (let round = 0; round < rounds; round += 1) {
    // Another text each time: the boundary remembers long ones that have passed.
    const input = `${round} ${text}`;
    copied.push(timed(() => Buffer.from(Buffer.from(input)).toString()));
    let kept = "";
    took.push(timed(() => (kept = keeper.keep(input))));
    markers = countOf(kept) - countOf(input);
  }
  const [ms, copyMs] = [median(took), median(copied)];
  console.log(`| ${name} | ${(text.length / 1_048.576 / ms).toFixed(1)} | ${(ms / copyMs).toFixed(0)} | ${markers} |`);
}

let [worstMs, lastMs] = [0, performance.now()];
const timer = setInterval(() => {
  worstMs = Math.max(worstMs, performance.now() - lastMs);
  lastMs = performance.now();
}, 1);
for (const text of [...Object.values(TEXTS), ...Object.values(SLOW)])
  await keeper.keepInSlices({ text: `slices ${text}` });
clearInterval(timer);
console.log(`\nevent loop late while all of them pass in slices, worst: ${worstMs.toFixed(0)} ms`);

/** Some of our own source has the words of a marker in it. */
function countOf(text: string): number {
  return text.split("[redacted: ").length - 1;
}

function timed(work: () => unknown): number {
  const sinceMs = performance.now();
  work();
  return performance.now() - sinceMs;
}

function filled(texts: readonly string[]): string {
  const text = texts.join("\n");
  return text.repeat(Math.ceil(bytes / text.length)).slice(0, bytes);
}

function textsIn(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
}
