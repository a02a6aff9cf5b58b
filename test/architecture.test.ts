import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { tempDir } from "./support/temp-dir.ts";

const ROOT = join(import.meta.dirname, "..");
const RULES_PATH = join(ROOT, ".dependency-cruiser.cjs");
/** "node .ci/check-arrows.ts src test …": `npm run check` has it, these tests show that it finds what is wrong. */
const [, CHECK = "", ...READ_FOLDERS] = packageScript("check:arrows").split(" ");
/** Fewer than this, and something went missing. */
const FILES_MIN = 100;
const LINES_MAX = 300;
/** A folder with more hides what is in it. */
const FOLDER_FILES_MAX = 14;

function packageScript(name: string): string {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  return scripts[name] ?? "";
}

/** The source files below `folder` of the repository, as paths from its root. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

describe("the arrows", () => {
  /** A wrong arrow for each rule: a file, and what it must not import. */
  const WRONG: Readonly<Record<string, readonly [from: string, to: string]>> = {
    "no-circular": ["src/dispatch/one.ts", "src/dispatch/other.ts"],
    "no-unresolvable": ["src/dispatch/dispatcher.ts", "nowhere-to-be-found"],
    "stage-base": ["src/base/lock.ts", "src/task/pure.ts"],
    "stage-task": ["src/task/rules.ts", "src/base/files.ts"],
    "stage-config": ["src/config/live.ts", "src/intake/settle.ts"],
    "stage-git": ["src/git/branch.ts", "src/store/journal.ts"],
    "stage-redact": ["src/redact/find.ts", "src/intake/accept.ts"],
    "stage-memory": ["src/memory/find.ts", "src/prompt/terms.ts"],
    "stage-prompt": ["src/prompt/assemble.ts", "src/dispatch/ask.ts"],
    "stage-store": ["src/store/tasks.ts", "src/publish/result.ts"],
    "stage-intake": ["src/intake/accept.ts", "src/dispatch/wake.ts"],
    "stage-run": ["src/run/start.ts", "src/dispatch/outcome.ts"],
    "stage-publish": ["src/publish/queue.ts", "src/intake/stale.ts"],
    "stage-dispatch": ["src/dispatch/loop.ts", "src/config/settings.ts"],
    "part-git-process": ["src/git/process/run.ts", "src/git/objects/read.ts"],
    "part-git-objects": ["src/git/objects/write.ts", "src/git/index/stamp.ts"],
    "part-git-repository": ["src/git/repository/refs.ts", "src/git/gate/locks.ts"],
    "part-git-gate": ["src/git/gate/scan.ts", "src/git/index/file.ts"],
    "part-git-snapshots": ["src/git/snapshots/take.ts", "src/git/commit/swap.ts"],
    "part-git-index": ["src/git/index/build.ts", "src/git/commit/swap.ts"],
    "part-git-sync": ["src/git/sync/remote.ts", "src/git/commit/swap.ts"],
    "part-git-merge": ["src/git/merge/land.ts", "src/git/commit/swap.ts"],
    "part-git-worktrees": ["src/git/worktrees/add.ts", "src/git/commit/swap.ts"],
    "part-dispatch-events": ["src/dispatch/events/recorder.ts", "src/dispatch/dispatcher.ts"],
    "part-dispatch-claims": ["src/dispatch/claims/view.ts", "src/dispatch/dispatcher.ts"],
    "part-dispatch-run": ["src/dispatch/run/control.ts", "src/dispatch/dispatcher.ts"],
    "part-base-files": ["src/base/files/read.ts", "src/base/process/identity.ts"],
    "part-base-process": ["src/base/process/lock.ts", "src/base/net/ask.ts"],
    "part-store-events": ["src/store/events/log.ts", "src/store/journal/write.ts"],
    "part-store-journal": ["src/store/journal/write.ts", "src/store/branch/ledger.ts"],
    "part-store-tasks": ["src/store/tasks/table.ts", "src/store/sessions/lock.ts"],
    "part-store-sessions": ["src/store/sessions/facts.ts", "src/store/journal/record.ts"],
    "part-store-worktrees": ["src/store/worktrees/records.ts", "src/store/clone/id.ts"],
    "part-store-branch": ["src/store/branch/folders.ts", "src/store/clone/id.ts"],
    "part-store-clone": ["src/store/clone/copy.ts", "src/store/sessions/list.ts"],
    "part-intake-inbox-claim": ["src/intake/inbox/claim/put.ts", "src/intake/inbox/watch/tree.ts"],
    "part-intake-inbox-watch": ["src/intake/inbox/watch/hint.ts", "src/intake/inbox/claim/take.ts"],
    "part-run-sandbox": ["src/run/sandbox/guard.ts", "src/run/codex/config.ts"],
    "part-run-worker": ["src/run/worker/probe.ts", "src/run/verify/command.ts"],
    "part-run-workplace": ["src/run/workplace/paths.ts", "src/run/worker/shim.ts"],
    "part-run-verify": ["src/run/verify/command.ts", "src/run/codex/arguments.ts"],
    "part-run-codex": ["src/run/codex/driver.ts", "src/run/workplace/paths.ts"],
    "part-run-codex-events": ["src/run/codex/events/line.ts", "src/run/codex/install/locate.ts"],
    "part-run-codex-failure": ["src/run/codex/failure/classify.ts", "src/run/codex/install/home.ts"],
    "part-run-codex-install": ["src/run/codex/install/version.ts", "src/run/codex/events/read.ts"],
    "part-intake-drops": ["src/intake/drops/origin.ts", "src/intake/accept.ts"],
    "part-intake-inbox": ["src/intake/inbox/watch.ts", "src/intake/accept.ts"],
    "part-server-page-show": ["src/server/page/show/words.js", "src/server/page/api.js"],
    "part-server-page-session": ["src/server/page/session/work.js", "src/server/page/board/side.js"],
    "part-server-page-board": ["src/server/page/board/row.js", "src/server/page/task/log.js"],
    "part-server-page-task": ["src/server/page/task/log.js", "src/server/page/board/side.js"],
    "part-task-text": ["src/task/text/line.ts", "src/task/names/key.ts"],
    "part-task-names": ["src/task/names/id.ts", "src/task/ledger/row.ts"],
    "part-task-spec": ["src/task/spec/key.ts", "src/task/rights/level.ts"],
    "part-task-notes": ["src/task/notes/term.ts", "src/task/file/spec.ts"],
    "part-task-claims": ["src/task/claims/claim.ts", "src/task/rights/level.ts"],
    "part-task-rights": ["src/task/rights/level.ts", "src/task/file/spec.ts"],
    "part-task-file": ["src/task/file/spec.ts", "src/task/records/record.ts"],
    "part-task-ledger": ["src/task/ledger/row.ts", "src/task/state/run.ts"],
    "part-task-state": ["src/task/state/run.ts", "src/task/records/record.ts"],
    "part-task-records-task-file": ["src/task/records/task-file/record.ts", "src/task/records/message.ts"],
    "part-task-records": ["src/task/records/record.ts", "src/task/session/fact.ts"],
    "part-task-session": ["src/task/session/fact.ts", "src/task/schedule/turn.ts"],
    "part-task-events": ["src/task/events/event.ts", "src/task/file/spec.ts"],
    "part-task-schedule": ["src/task/schedule/choose.ts", "src/task/file/spec.ts"],
    "part-task-workplace": ["src/task/workplace/choose.ts", "src/task/file/spec.ts"],
    "task-has-no-io": ["src/task/reader.ts", "node:fs"],
    "stages-know-git-by-its-branch": ["src/publish/commit.ts", "src/git/commit/swap.ts"],
    "cli-talks-to-app-only": ["src/cli/status.ts", "src/git/log.ts"],
    "server-talks-to-app-only": ["src/server/routes.ts", "src/cli/print.ts"],
    "nothing-imports-app": ["src/dispatch/report.ts", "src/app/serve/serve.ts"],
    "app-knows-no-interface": ["src/app/wait.ts", "src/cli/wait.ts"],
    "product-has-no-model-server": ["src/app/demo.ts", "demo/model-server/model.ts"],
    "library-chokidar-has-one-home": ["src/app/watch.ts", "chokidar"],
    "library-simple-git-has-one-home": ["src/dispatch/git.ts", "simple-git"],
    "library-lru-cache-has-one-home": ["src/store/cache.ts", "lru-cache"],
    "library-execa-has-one-home": ["src/memory/run.ts", "execa"],
    "library-hono-has-one-home": ["src/cli/serve.ts", "hono"],
    "library-@hono/node-server-has-one-home": ["src/app/listen.ts", "@hono/node-server"],
    "library-gray-matter-has-one-home": ["src/intake/matter.ts", "gray-matter"],
    "library-yaml-has-one-home": ["src/run/codex/yaml.ts", "yaml"],
    "library-proper-lockfile-has-one-home": ["src/store/file.ts", "proper-lockfile"],
    "library-valibot-has-one-home": ["src/server/body.ts", "valibot"],
    "library-@secretlint/secretlint-rule-preset-recommend-has-one-home": [
      "src/app/look.ts",
      "@secretlint/secretlint-rule-preset-recommend",
    ],
    "src-needs-no-dev-dependency": ["src/dispatch/check.ts", "fast-check"],
    "src-does-not-import-tests": ["src/task/sample.ts", "test/support/sample.ts"],
  };

  it("are reported when they are wrong, each by its rule", () => {
    const dir = tempDir();
    for (const file of ["package.json", "tsconfig.json"])
      writeFileSync(join(dir, file), readFileSync(join(ROOT, file)));
    symlinkSync(join(ROOT, "node_modules"), join(dir, "node_modules"));
    for (const folder of READ_FOLDERS) mkdirSync(join(dir, folder));
    const put = (path: string, text: string): void => {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text, { flag: "a" });
    };
    for (const [from, to] of Object.values(WRONG)) {
      const isOurs = /\/.*\.[jt]s$/.test(to);
      if (isOurs) put(to, "export const here = true;\n");
      put(from, `import "${isOurs ? join(relative(dirname(from), "."), to) : to}";\n`);
    }
    put("src/dispatch/other.ts", 'import "./one.ts";\n');

    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, CHECK), ...READ_FOLDERS], {
      ...{ cwd: dir, encoding: "utf8" },
    });
    const reported = stderr.split("\n").map((line) => line.split(" → ", 1)[0]);
    const expected = Object.entries(WRONG).map(([rule, [from]]) => `${rule}: ${from}`);
    expect(expected.filter((one) => !reported.includes(one))).toEqual([]);
    expect(status).toBe(1);
    expect(READ_FOLDERS).toEqual(expect.arrayContaining(["src", "test", "bench", "demo"]));
  });

  it("have a wrong example for every rule", () => {
    const rules = createRequire(import.meta.url)(RULES_PATH) as {
      readonly forbidden: readonly { readonly name: string }[];
    };
    expect(Object.keys(WRONG).sort()).toEqual(rules.forbidden.map(({ name }) => name).sort());
  });
});

/** What the compiler and the linter do not see. Returns what is wrong with one file of src/. */
function problemsOf(path: string, text: string): readonly string[] {
  const problems: string[] = [];
  const lines = text.trimEnd().split("\n");
  if (lines.length > LINES_MAX) problems.push(`${lines.length} lines`);
  const code = lines.filter((line) => !/^\s*(\/\*|\*|\/\/)/.test(line)).join("\n");
  const forbid = (what: string, pattern: RegExp): void => {
    if (pattern.test(code)) problems.push(what);
  };
  // Of an error that nobody caught the process ends in any case: there its words are printed first.
  if (path !== "src/cli/terminal.ts") forbid("process.exit()", /\bprocess\.exit\(/);
  if (path !== "src/cli.ts") forbid("process.exitCode", /\bprocess\.exitCode\s*=[^=]/);
  if (path !== "src/cli/terminal.ts") {
    forbid("output beside the terminal", /\bconsole\.|\bprocess\.std(?:out|err)\b|\bwriteSync\([12]\b|=\s*process\s*;/);
  }
  if (path.startsWith("src/task/")) {
    forbid("node: module", /["'`]node:/);
    forbid("clock", /\bDate\.now\(|\bnew Date\(\)|\bperformance\.|\bset(Timeout|Interval|Immediate)\(/);
    forbid("chance", /\bMath\.random\(|\bcrypto\./);
    forbid("environment", /\bprocess\.|\bglobalThis\b/);
  }
  return problems;
}

it("no folder of src/ holds so many files that one does not see what is there", () => {
  const folders = Map.groupBy(filesBelow("src"), (file) => dirname(file));
  const full = [...folders].filter(([, files]) => files.length > FOLDER_FILES_MAX);
  expect(full.map(([folder, files]) => `${folder} holds ${files.length} files`)).toEqual([]);
});

describe("a file of src/", () => {
  const files = filesBelow("src");

  it("is short, ends no process, and is pure where it says so", () => {
    expect(files.length).toBeGreaterThan(FILES_MIN);
    const wrong = files.flatMap((path) =>
      problemsOf(path, readFileSync(join(ROOT, path), "utf8")).map((problem) => `${path}: ${problem}`),
    );
    expect(wrong).toEqual([]);
  });

  it.each<{ name: string; path: string; text: string; problem: string | undefined }>([
    { name: "is too long", path: "src/git/a.ts", text: "x;\n".repeat(301), problem: "301 lines" },
    { name: "is just short enough", path: "src/git/a.ts", text: "x;\n".repeat(300), problem: undefined },
    { name: "ends the process", path: "src/cli.ts", text: "process.exit(1);", problem: "process.exit()" },
    { name: "ends it for an error", path: "src/cli/terminal.ts", text: "process.exit(1);", problem: undefined },
    {
      name: "is the entry and sets the exit code",
      path: "src/cli.ts",
      text: "process.exitCode = 1;",
      problem: undefined,
    },
    {
      name: "sets the exit code",
      path: "src/cli/serve.ts",
      text: "process.exitCode = 1;",
      problem: "process.exitCode",
    },
    { name: "asks for the exit code", path: "src/git/a.ts", text: "x(process.exitCode === 1);", problem: undefined },
    { name: "speaks of it", path: "src/git/a.ts", text: "// Not process.exit(1): logs.", problem: undefined },
    { name: "reads files", path: "src/git/a.ts", text: 'import "node:fs";', problem: undefined },
    {
      name: "is a rule and reads files",
      path: "src/task/a.ts",
      text: 'await import("node:fs");',
      problem: "node: module",
    },
    { name: "is a rule and reads the clock", path: "src/task/a.ts", text: "const now = Date.now();", problem: "clock" },
    { name: "is a rule and is given a time", path: "src/task/a.ts", text: "new Date(timeMs);", problem: undefined },
    { name: "is a rule and throws dice", path: "src/task/a.ts", text: "Math.random();", problem: "chance" },
    {
      name: "is a rule and asks its surroundings",
      path: "src/task/a.ts",
      text: "process.env.HOME;",
      problem: "environment",
    },
    {
      name: "prints past the terminal",
      path: "src/cli/a.ts",
      text: "process.stdout.write(title);",
      problem: "output beside the terminal",
    },
    {
      name: "logs past the terminal",
      path: "src/task/a.ts",
      text: "console.log(task);",
      problem: "output beside the terminal",
    },
    { name: "is the terminal", path: "src/cli/terminal.ts", text: "process.stdout.write(title);", problem: undefined },
  ])("that $name: $problem", ({ path, text, problem }) => {
    expect(problemsOf(path, text)).toEqual(problem === undefined ? [] : [problem]);
  });
});
