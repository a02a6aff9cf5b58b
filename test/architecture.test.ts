import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { tempDir } from "./support/temp-dir.ts";

const ROOT = join(import.meta.dirname, "..");
const RULES_PATH = join(ROOT, ".dependency-cruiser.cjs");
const CRUISER = join(ROOT, "node_modules/.bin/depcruise");
/** "depcruise --config <file> src test …", as `npm run check:arrows` has it. */
const READ_FOLDERS = packageScript("check:arrows").split(" ").slice(3);
/** Fewer than this, and something went missing. */
const FILES_MIN = 100;
const LINES_MAX = 300;

interface Cruise {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly {
      readonly rule: { readonly name: string };
      readonly from: string;
      readonly to: string;
    }[];
    readonly totalDependenciesCruised: number;
  };
}

function packageScript(name: string): string {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  return scripts[name] ?? "";
}

/** Reads the imports below `dir` as `npm run check:arrows` does. */
async function cruise(dir: string): Promise<Cruise> {
  const args = [CRUISER, "--config", RULES_PATH, "--output-type", "json", ...READ_FOLDERS];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: dir, maxBuffer: 100_000_000 });
  return JSON.parse(stdout) as Cruise;
}

/** The TypeScript files below `folder` of the repository, as paths from its root. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

describe("the arrows", () => {
  it("point one way, in every file there is", { timeout: 60_000 }, async () => {
    const { modules, summary } = await cruise(ROOT);
    expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([]);
    // With a TypeScript that it cannot load, dependency-cruiser reads no such file, finds no wrong arrow, and exits 0.
    expect(READ_FOLDERS).toEqual(expect.arrayContaining(["src", "test", "bench"]));
    const files = READ_FOLDERS.flatMap(filesBelow);
    const read = new Set(modules.map(({ source }) => source));
    expect(files.filter((file) => !read.has(file))).toEqual([]);
    expect(files.length).toBeGreaterThan(FILES_MIN);
    expect(summary.totalDependenciesCruised).toBeGreaterThan(files.length);
  });

  /** A wrong arrow for each rule: a file, and what it must not import. */
  const WRONG: Readonly<Record<string, readonly [from: string, to: string]>> = {
    "no-circular": ["src/runtime/one.ts", "src/runtime/other.ts"],
    "no-unresolvable": ["src/runtime/master.ts", "nowhere-to-be-found"],
    "task-is-pure": ["src/task/rules.ts", "src/base/files.ts"],
    "task-has-no-io": ["src/task/reader.ts", "node:fs"],
    "base-knows-nobody": ["src/base/lock.ts", "src/task/pure.ts"],
    "edge-inbox-stands-alone": ["src/inbox/watch.ts", "src/git/tree.ts"],
    "edge-codex-stands-alone": ["src/codex/events.ts", "src/session/store.ts"],
    "edge-session-stands-alone": ["src/session/lock.ts", "src/codex/probe.ts"],
    "edge-memory-stands-alone": ["src/memory/find.ts", "src/inbox/list.ts"],
    "edge-agent-stands-alone": ["src/agent/prompt.ts", "src/memory/search.ts"],
    "edge-verify-stands-alone": ["src/verify/command.ts", "src/config.ts"],
    "edge-git-stands-alone": ["src/git/committer.ts", "src/runtime/queue.ts"],
    "worker-knows-no-edge": ["src/worker/probe.ts", "src/verify/command.ts"],
    "runtime-is-handed-its-edges": ["src/runtime/start.ts", "src/git/branch.ts"],
    "cli-talks-to-runtime-only": ["src/cli/status.ts", "src/git/log.ts"],
    "server-talks-to-runtime-only": ["src/server/routes.ts", "src/cli/print.ts"],
    "settings-know-no-stage": ["src/live-config.ts", "src/inbox/settle.ts"],
    "nothing-imports-the-composition-root": ["src/server/app.ts", "src/compose/serve.ts"],
    "the-entry-is-nobodys-module": ["src/compose/init.ts", "src/cli.ts"],
    "model-server-stands-apart": ["src/model-server/reply.ts", "src/task/reply.ts"],
    "product-has-no-model-server": ["src/compose/demo.ts", "src/model-server/model.ts"],
    "library-chokidar-has-one-home": ["src/compose/watch.ts", "chokidar"],
    "library-simple-git-has-one-home": ["src/runtime/git.ts", "simple-git"],
    "library-hono-has-one-home": ["src/cli/serve.ts", "hono"],
    "library-@hono/node-server-has-one-home": ["src/compose/listen.ts", "@hono/node-server"],
    "library-gray-matter-has-one-home": ["src/inbox/matter.ts", "gray-matter"],
    "library-yaml-has-one-home": ["src/codex/yaml.ts", "yaml"],
    "library-proper-lockfile-has-one-home": ["src/session/file.ts", "proper-lockfile"],
    "library-valibot-has-one-home": ["src/server/body.ts", "valibot"],
    "src-needs-no-dev-dependency": ["src/runtime/check.ts", "fast-check"],
    "src-does-not-import-tests": ["src/task/sample.ts", "test/support/sample.ts"],
  };

  it("are reported when they are wrong, each by its rule", { timeout: 60_000 }, async () => {
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
      const isOurs = to.endsWith(".ts");
      if (isOurs) put(to, "export const here = true;\n");
      put(from, `import "${isOurs ? join(relative(dirname(from), "."), to) : to}";\n`);
    }
    put("src/runtime/other.ts", 'import "./one.ts";\n');

    const { violations } = (await cruise(dir)).summary;
    const reported = violations.map(({ rule, from }) => `${rule.name}: ${from}`);
    const expected = Object.entries(WRONG).map(([rule, [from]]) => `${rule}: ${from}`);
    expect(expected.filter((one) => !reported.includes(one))).toEqual([]);
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
  forbid("process.exit()", /\bprocess\.exit\(/);
  if (path !== "src/cli.ts") forbid("process.exitCode", /\bprocess\.exitCode\s*=[^=]/);
  if (path.startsWith("src/task/")) {
    forbid("node: module", /["'`]node:/);
    forbid("clock", /\bDate\.now\(|\bnew Date\(\)|\bperformance\.|\bset(Timeout|Interval|Immediate)\(/);
    forbid("chance", /\bMath\.random\(|\bcrypto\./);
    forbid("environment", /\bprocess\.|\bglobalThis\b/);
    forbid("logging", /\bconsole\./);
  }
  return problems;
}

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
    { name: "is a rule and logs", path: "src/task/a.ts", text: "console.log(task);", problem: "logging" },
  ])("that $name: $problem", ({ path, text, problem }) => {
    expect(problemsOf(path, text)).toEqual(problem === undefined ? [] : [problem]);
  });
});
