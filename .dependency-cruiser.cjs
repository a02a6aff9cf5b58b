/**
 * The arrows of docs/architecture.md. A folder of src/ is a stage of a task's way through the program: edges import task/ and
 * base/ and never each other; codex/ and verify/ stand on the processes of a run (worker/); runtime/ is handed its edges; cli/ and
 * server/ talk to runtime/ only; compose/ puts all together.
 * test/architecture.test.ts shows each of these rules a wrong arrow: a new rule needs one there.
 */
const EDGES = ["inbox", "codex", "session", "memory", "agent", "verify", "git"];
/** Edges that run something as a worker: a process that outlives the coordinator. */
const ON_WORKER = ["codex", "verify"];
const INTERFACES = ["cli", "server"];

/** What touches a library stands in one folder, so that it can be replaced there. */
const LIBRARY_HOMES = {
  chokidar: "inbox/",
  "simple-git": "(git|compose)/",
  hono: "server/",
  "@hono/node-server": "server/",
  "gray-matter": "task/",
  yaml: "task/",
  "proper-lockfile": "base/",
  valibot: "config-schema\\.ts$",
};

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-unresolvable",
      comment: "What cannot be found has no path that a rule could match.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "task-is-pure",
      comment: "task/ imports nothing of ours outside task/ and no node: module.",
      severity: "error",
      from: { path: "^src/task/" },
      to: { path: "^src/(?!task/)" },
    },
    { name: "task-has-no-io", severity: "error", from: { path: "^src/task/" }, to: { dependencyTypes: ["core"] } },
    {
      name: "base-knows-nobody",
      severity: "error",
      from: { path: "^src/base/" },
      to: { path: "^src/(?!base/)" },
    },
    ...EDGES.map((edge) => ({
      name: `edge-${edge}-stands-alone`,
      comment: "An edge imports task/ and the shared base only.",
      severity: "error",
      from: { path: `^src/${edge}/` },
      to: {
        path: "^src/",
        pathNot: [`^src/${edge}/`, "^src/task/", "^src/base/", ...(ON_WORKER.includes(edge) ? ["^src/worker/"] : [])],
      },
    })),
    {
      name: "worker-knows-no-edge",
      comment: "What a run executes is the business of whoever starts it.",
      severity: "error",
      from: { path: "^src/worker/" },
      to: { path: "^src/", pathNot: ["^src/worker/", "^src/task/", "^src/base/"] },
    },
    {
      name: "runtime-is-handed-its-edges",
      severity: "error",
      from: { path: "^src/runtime/" },
      to: { path: "^src/", pathNot: ["^src/runtime/", "^src/task/", "^src/base/"] },
    },
    ...INTERFACES.map((name) => ({
      name: `${name}-talks-to-runtime-only`,
      comment: "The settings' types may be named by a command that takes them as flags.",
      severity: "error",
      from: { path: `^src/${name}/` },
      to: { path: "^src/", pathNot: [`^src/${name}/`, "^src/(runtime|task|base)/", "^src/config\\.ts$"] },
    })),
    {
      name: "settings-know-no-stage",
      severity: "error",
      from: { path: "^src/(live-)?(config|config-schema|policy)\\.ts$" },
      to: { path: "^src/", pathNot: ["^src/(task|base)/", "^src/(live-)?(config|config-schema|policy)\\.ts$"] },
    },
    {
      name: "nothing-imports-the-composition-root",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(cli\\.ts$|compose/)" },
      to: { path: "^src/(compose/|cli\\.ts$)" },
    },
    {
      name: "the-entry-is-nobodys-module",
      severity: "error",
      from: { path: "^src/compose/" },
      to: { path: "^src/cli\\.ts$" },
    },
    {
      name: "model-server-stands-apart",
      comment: "The scripted model is for tests and the demo; the product neither uses it nor is used by it.",
      severity: "error",
      from: { path: "^src/model-server/" },
      to: { path: "^src/(?!model-server/)" },
    },
    {
      name: "product-has-no-model-server",
      severity: "error",
      from: { path: "^src/(?!model-server/)" },
      to: { path: "^src/model-server/" },
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
