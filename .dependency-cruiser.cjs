/**
 * The arrows of docs/architecture.md. A folder of src/ is a stage of a task's way through the program:
 * edges import task/ and never each other; runtime/ is handed its edges; cli/ and server/ talk to runtime/ only.
 */
const EDGES = ["inbox", "codex", "session", "memory", "agent", "verify", "git"];

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "task-is-pure",
      comment: "task/ imports nothing of ours outside task/ and no node: module.",
      severity: "error",
      from: { path: "^src/task/" },
      to: { path: "^src/(?!task/)" },
    },
    { name: "task-has-no-io", severity: "error", from: { path: "^src/task/" }, to: { dependencyTypes: ["core"] } },
    ...EDGES.map((edge) => ({
      name: `edge-${edge}-stands-alone`,
      comment: "An edge imports task/ and the shared base only.",
      severity: "error",
      from: { path: `^src/${edge}/` },
      to: { path: "^src/", pathNot: [`^src/${edge}/`, "^src/task/", "^src/base/"] },
    })),
    {
      name: "base-knows-nobody",
      severity: "error",
      from: { path: "^src/base/" },
      to: { path: "^src/", pathNot: ["^src/base/", "^src/task/"] },
    },
    {
      name: "runtime-is-handed-its-edges",
      severity: "error",
      from: { path: "^src/runtime/" },
      to: { path: "^src/", pathNot: ["^src/runtime/", "^src/task/", "^src/base/"] },
    },
    {
      name: "interfaces-talk-to-runtime-only",
      severity: "error",
      from: { path: "^src/(cli|server)/" },
      to: { path: `^src/(${EDGES.join("|")})/` },
    },
    {
      name: "server-does-not-know-the-cli",
      severity: "error",
      from: { path: "^src/server/" },
      to: { path: "^src/cli" },
    },
    {
      name: "nothing-imports-the-composition-root",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(cli\\.ts$|compose/)" },
      to: { path: "^src/(compose/|cli\\.ts$)" },
    },
    { name: "src-does-not-import-tests", severity: "error", from: { path: "^src/" }, to: { path: "^(test|bench)/" } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { extensions: [".ts", ".js", ".mjs", ".cjs"] },
  },
};
