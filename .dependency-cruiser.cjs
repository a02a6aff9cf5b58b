/**
 * The arrows of docs/architecture.md. A folder of src/ is a stage of a task's way through the program, and the way is one-directional:
 * what stands further down the list of a stage is all that it may import. Stages side by side never import each other; what one needs
 * of another is wired by app/.
 * test/architecture.test.ts shows each of these rules a wrong arrow: a new rule needs one there.
 */

/** What a stage may import besides itself. */
const STAGES = {
  base: [],
  task: [],
  config: ["task", "base"],
  git: ["task", "base"],
  redact: ["task", "base"],
  memory: ["task", "base"],
  prompt: ["memory", "task", "base"],
  store: ["git", "task", "base"],
  intake: ["store", "git", "task", "base"],
  run: ["git", "store", "task", "base"],
  publish: ["store", "git", "task", "base"],
  dispatch: ["intake", "run", "publish", "prompt", "store", "git", "task", "base"],
};

/** The same between the parts of a stage: what a part may import of its own stage besides itself. */
const PARTS = {
  "git/process": [],
  "git/objects": ["git/process"],
  "git/repository": ["git/objects", "git/process", "git/branch.ts"],
  "git/gate": ["git/repository", "git/objects", "git/process"],
  "git/merge": ["git/worktrees", "git/repository", "git/process"],
  "git/sync": ["git/branch.ts", "git/merge", "git/worktrees", "git/repository", "git/objects", "git/process"],
  "git/index": ["git/gate", "git/repository", "git/objects", "git/process"],
  "git/worktrees": ["git/snapshots", "git/gate", "git/repository", "git/objects", "git/process"],
  "git/snapshots": ["git/index", "git/gate", "git/repository", "git/objects", "git/process"],
  "base/files": ["base/errors\\.ts"],
  "base/process": ["base/files", "base/[^/]+\\.ts"],
  "store/events": [],
  "store/journal": ["store/tasks"],
  "store/tasks": ["store/journal"],
  "store/sessions": [],
  "store/worktrees": [],
  "store/branch": ["store/tasks", "store/journal", "store/state-paths\\.ts", "store/formats\\.ts"],
  "store/clone": ["store/journal", "store/state-paths\\.ts"],
  "run/worker": ["run/driver\\.ts"],
  "run/sandbox": ["run/worker", "run/ports\\.ts"],
  "run/workplace": ["run/(driver|supervisor)\\.ts"],
  "run/verify": ["run/worker", "run/sandbox", "run/[^/]+\\.ts"],
  "run/codex": ["run/worker", "run/sandbox", "run/[^/]+\\.ts"],
  "run/codex/events": ["run/worker", "run/sandbox/broken-sandbox\\.ts", "run/driver\\.ts"],
  "run/codex/failure": ["run/worker", "run/codex/events"],
  "run/codex/install": ["run/worker", "run/sandbox", "run/codex/environment\\.ts"],
  "dispatch/events": [],
  "dispatch/claims": ["dispatch/(activity|scheduled-tasks)\\.ts"],
  "dispatch/run": ["dispatch/(runs|circuit-breaker)\\.ts"],
  "intake/drops": ["intake/inbox"],
  "intake/inbox": [],
  "intake/inbox/claim": ["intake/inbox/[^/]+\\.ts"],
  "intake/inbox/watch": ["intake/inbox/[^/]+\\.ts"],
  "server/page/show": [],
  "server/page/session": ["server/page/show", "server/page/[^/]+\\.js"],
  "server/page/board": ["server/page/session", "server/page/show", "server/page/[^/]+\\.js"],
  "server/page/task": ["server/page/session", "server/page/show", "server/page/[^/]+\\.js"],
  "task/text": [],
  "task/names": ["task/text"],
  "task/spec": ["task/workplace", "task/text"],
  "task/notes": ["task/text"],
  "task/claims": ["task/names", "task/text"],
  "task/rights": ["task/claims", "task/spec", "task/text"],
  "task/file": ["task/workplace", "task/claims", "task/rights", "task/notes", "task/spec", "task/names", "task/text"],
  "task/ledger": ["task/names", "task/text"],
  "task/state": ["task/ledger", "task/spec", "task/text"],
  "task/records": ["task/rights", "task/state", "task/ledger", "task/file", "task/spec", "task/names", "task/text"],
  "task/records/task-file": [
    "task/rights",
    "task/state",
    "task/ledger",
    "task/file",
    "task/spec",
    "task/names",
    "task/text",
  ],
  "task/session": ["task/records", "task/state", "task/names", "task/text"],
  "task/schedule": ["task/state", "task/claims", "task/workplace", "task/text"],
  "task/workplace": ["task/text"],
  "task/events": ["task/schedule", "task/session", "task/state", "task/ledger"],
};

/** What touches a library stands in one folder, so that it can be replaced there. */
const LIBRARY_HOMES = {
  chokidar: "intake/",
  "simple-git": "git/",
  "lru-cache": "(git|store/journal)/",
  execa: "git/process/git-version\\.ts",
  hono: "server/",
  "@hono/node-server": "server/",
  "gray-matter": "task/",
  yaml: "task/",
  "proper-lockfile": "base/",
  valibot: "(config|task)/",
  "@secretlint/secretlint-rule-preset-recommend": "redact/",
};

const allowed = (paths) => paths.map((path) => (/\.[jt]s$/.test(path) ? `^src/${path}$` : `^src/${path}/`));

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-unresolvable",
      comment: "What cannot be found has no path that a rule could match.",
      severity: "error",
      from: { pathNot: "^src/server/page/" }, // There a path is an address.
      to: { couldNotResolve: true },
    },
    ...Object.entries(STAGES).map(([stage, others]) => ({
      name: `stage-${stage}`,
      severity: "error",
      from: { path: `^src/${stage}/` },
      to: { path: "^src/", pathNot: allowed([stage, ...others]) },
    })),
    ...Object.entries(PARTS).map(([part, others]) => ({
      name: `part-${part.replaceAll("/", "-")}`,
      severity: "error",
      from: { path: `^src/${part}/` },
      to: { path: `^src/${part.split("/", 1)[0]}/`, pathNot: allowed([part, ...others]) },
    })),
    { name: "task-has-no-io", severity: "error", from: { path: "^src/task/" }, to: { dependencyTypes: ["core"] } },
    {
      name: "stages-know-git-by-its-branch",
      comment: "How the branch is read and moved is git/'s own; workplaces ask it for what changed.",
      severity: "error",
      from: { path: "^src/(store|intake|run|publish|dispatch)/" },
      to: {
        path: "^src/git/",
        pathNot: [
          "^src/git/branch\\.ts$",
          "^src/git/repository/(code-repositories|committer-identity|known-repositories|workspace-place)\\.ts$",
          "^src/git/(worktrees|snapshots|merge|sync)/",
        ],
      },
    },
    ...["cli", "server"].map((name) => ({
      name: `${name}-talks-to-app-only`,
      comment: "The settings' types may be named by a command that takes them as flags.",
      severity: "error",
      from: { path: `^src/${name}/` },
      to: {
        path: "^src/",
        pathNot: [`^src/${name}/`, "^src/(app|task|base)/", "^src/config/config\\.ts$"],
      },
    })),
    {
      name: "nothing-imports-app",
      comment: "The use cases and the composition root stand above all stages.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(cli\\.ts$|cli/|server/|app/)" },
      to: { path: "^src/(app/|cli\\.ts$)" },
    },
    {
      name: "app-knows-no-interface",
      comment: "The composition root starts the HTTP interface; nothing of app/ knows the command line.",
      severity: "error",
      from: { path: "^src/app/" },
      to: { path: "^src/(cli\\.ts$|cli/|server/)", pathNot: "^src/server/listen\\.ts$" },
    },
    {
      name: "product-has-no-model-server",
      comment: "The scripted model is for tests and the demo.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^demo/" },
    },
    ...Object.entries(LIBRARY_HOMES).map(([library, home]) => ({
      name: `library-${library}-has-one-home`,
      severity: "error",
      from: { path: "^src/", pathNot: `^src/${home}` },
      to: { path: `(^|/)node_modules/${library}/` },
    })),
    {
      name: "src-needs-no-dev-dependency",
      comment: "They are not there where the package is installed.",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
    { name: "src-does-not-import-tests", severity: "error", from: { path: "^src/" }, to: { path: "^(test|bench)/" } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js", ".mjs", ".cjs"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
