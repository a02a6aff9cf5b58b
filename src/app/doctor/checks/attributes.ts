import { statSync } from "node:fs";
import { join } from "node:path";
import { runGit } from "../../../git/process/git-process.ts";
import { ATTRIBUTES, ATTRIBUTES_FILE, addLayout } from "../../actions/init.ts";
import type { Check, Tell } from "../check.ts";
import type { Ground } from "../ground.ts";

/** A path of each kind of ours, and what must hold for it. */
const UNION = { merge: "union", text: "unset", filter: "unset", ident: "unset", "working-tree-encoding": "unset" };
const { merge: _, ...BYTES } = UNION;
const SAMPLES: readonly (readonly [path: string, wanted: Readonly<Record<string, string>>])[] = [
  ["tasks.md", UNION],
  ["tasks/2026-11-20/aaaaaa-0001.md", UNION],
  ["sessions/docs/session.jsonl", UNION],
  ["sessions/docs/2026-11-20/141530-fix-login-k3f9x2.md", UNION],
  ["archive/2026-11-20/docs/transcript.jsonl", UNION],
  ["inbox/docs/typo.md", BYTES],
];
const GIT_TIME_MS = 10_000;

/** Git keeps our files byte for byte and merges them by union. */
export const attributesCheck: Check = {
  name: "attributes",
  what: "Git keeps our files byte for byte and merges them by union: .gitattributes of the branch says so, and nothing overrides it",
  why: "Without it two clones that both ran tasks merge with conflicts, and with autocrlf or a filter every file of ours shows as changed for ever",
  async look(ground, tell) {
    const { readText } = await ground.tip();
    const lines = (await readText(ATTRIBUTES_FILE))?.split("\n") ?? [];
    const missing = ATTRIBUTES.split("\n").filter(
      (line) => line !== "" && !line.startsWith("#") && !lines.includes(line),
    );
    tell.looked("lines", ATTRIBUTES.split("\n").length - 2);
    if (missing.length > 0)
      tell.problem({
        path: ATTRIBUTES_FILE,
        message: `the branch lacks ${missing.map((line) => `"${line}"`).join(", ")}`,
        remedy: "codex-inbox init adds what is missing, in a commit of its own",
        repair: { what: "adds the lines in a commit, as init does", run: () => addLines(ground) },
      });
    else await lookForOverrides(ground, tell);
  },
};

async function addLines({ place, branch }: Ground): Promise<undefined> {
  if (branch !== undefined) await addLayout(place, branch);
}

/** Asks git itself, which also reads files of the user's. */
async function lookForOverrides(ground: Ground, tell: Tell): Promise<void> {
  if (ground.branch !== ground.place.branch) return; // The work tree shows another branch.
  const { place } = ground;
  const repository = await ground.repository();
  const files = [
    ...new Set([join(place.topDir, ATTRIBUTES_FILE), join(place.workspaceDir, ATTRIBUTES_FILE)]),
    join(place.commonDir, "info", "attributes"),
  ];
  for (const path of files) {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined || stats.isFile()) continue;
    // Git would wait for what comes out of a pipe, and read a device for ever.
    tell.problem({
      path,
      message: "it is no plain file",
      remedy: "put a file in its place: git waits for it, or fails",
    });
    return;
  }
  const names = Object.keys(UNION);
  const paths = SAMPLES.map(([path]) => repository.prefix + path);
  const asked = await runGit(repository, ["check-attr", "-z", ...names, "--", ...paths], { timeMs: GIT_TIME_MS });
  if (asked.status !== 0) {
    tell.problem({ path: place.topDir, message: `git cannot tell: ${asked.stderr}`, remedy: "see there" });
    return;
  }
  const words = asked.stdout.toString("utf8").split("\0");
  for (const [path, wanted] of SAMPLES) {
    const wrong: string[] = [];
    for (let at = 0; at + 2 < words.length; at += 3) {
      const [of, name = "", value = ""] = words.slice(at, at + 3);
      if (of === repository.prefix + path && (wanted[name] ?? value) !== value) wrong.push(`"${name}" is ${value}`);
    }
    if (wrong.length === 0) continue;
    tell.problem({
      path: repository.prefix + path,
      message: `for files like this one ${wrong.join(", ")}: another line overrides ours, or the work tree lacks them`,
      remedy: `look into ${files.join(", ")} and the .gitattributes of folders of ours (git check-attr -a -- ${repository.prefix + path} tells)`,
    });
  }
}
