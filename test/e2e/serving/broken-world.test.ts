import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { expect, it } from "vitest";
import { expectSettled } from "../../support/settled.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

/** What is done to a repository that is served, and what takes it back. */
interface Breakage {
  readonly name: string;
  /** Part of what `health` says meanwhile. */
  readonly says: string;
  readonly break: (workspace: TestWorkspace, toolsDir: string) => () => void;
}

/** Replaces a file by `text` until the result is called. */
function replaced(path: string, text: string): () => void {
  const before = readFileSync(path);
  writeFileSync(path, text);
  return () => writeFileSync(path, before);
}

/** A folder for the PATH with everything that is on ours: then a test can take git away. */
function copyOfPath(): string {
  const dir = mkdtempSync(join(tempDir(), "tools-"));
  const programs = new Map<string, string>();
  for (const folder of (process.env.PATH ?? "").split(delimiter))
    for (const name of namesIn(folder)) if (!programs.has(name)) programs.set(name, join(folder, name));
  for (const [name, path] of programs) symlinkSync(path, join(dir, name));
  return dir;
}

function namesIn(folder: string): ReadonlySet<string> {
  try {
    return new Set(readdirSync(folder));
  } catch {
    return new Set(); // The PATH may name a folder that is not there.
  }
}

const BREAKAGES: readonly Breakage[] = [
  {
    name: "an index that is garbage",
    says: "git ls-files: fatal",
    break: ({ dir }) => replaced(join(dir, ".git/index"), "garbage\n"),
  },
  {
    name: "a branch that names a commit that is not there",
    says: "git has no object 1234567890123456789012345678901234567890",
    break: ({ dir }) => replaced(join(dir, ".git/refs/heads/main"), "1234567890123456789012345678901234567890\n"),
  },
  {
    name: "a branch whose file is garbage",
    says: "refs/heads/main is not a plain branch",
    break: ({ dir }) => replaced(join(dir, ".git/refs/heads/main"), "garbage\n"),
  },
  {
    name: "a git that is gone from the PATH",
    says: "git, or the folder, is not there",
    break({ dir }, toolsDir) {
      const [git, away] = [join(toolsDir, "git"), join(toolsDir, "git-away")];
      renameSync(git, away);
      utimesSync(join(dir, ".git/index"), 1, 1); // It has to be asked what is in the index now.
      return () => renameSync(away, git);
    },
  },
  {
    name: "a repository that is moved away",
    says: "is not there: put it back",
    break({ dir }) {
      const away = `${dir}-away`;
      renameSync(dir, away);
      return () => {
        expect([...namesIn(dirname(dir))]).not.toContain("repo"); // Nothing was made in its place.
        renameSync(away, dir);
      };
    },
  },
];

it.each(BREAKAGES)("waits for $name to be mended, says so, and goes on by itself", async ({ says, break: breakIt }) => {
  const toolsDir = copyOfPath();
  const workspace = await tempWorkspace({ environment: { PATH: toolsDir } });
  const coordinator = workspace.serve();
  await coordinator.url();
  workspace.drop("docs/first.md", "Say hello\n");
  await coordinator.saw("committed");
  await waitFor(() => workspace.stateFiles("runs").length === 0, { what: "the end of what is left of the run" });
  const mend = breakIt(workspace, toolsDir);
  const wasAway = !existsSync(workspace.dir);
  if (!wasAway) workspace.drop("docs/second.md", "Say bye\n");
  await coordinator.saw("world-fault");
  expect(await (await coordinator.ask("/health")).json()).toMatchObject({
    status: "waiting",
    world: { reason: expect.stringContaining(says) },
  });
  mend();
  await coordinator.saw("world-ok");
  if (wasAway) workspace.drop("docs/second.md", "Say bye\n");
  await coordinator.saw("committed", 2);
  expect(await (await coordinator.ask("/health")).json()).toMatchObject({ status: "ok", world: null });
  coordinator.signal("SIGINT");
  expect(await coordinator.ended).toEqual({ code: 0, signal: null });
  expectSettled(workspace, { tasks: 2 });
});

it("the lock of a repository that was away for a moment is still held", async () => {
  const workspace = await tempWorkspace();
  const coordinator = workspace.serve();
  await coordinator.saw("serving");
  workspace.drop("docs/first.md", "Say hello\n");
  await coordinator.saw("committed");
  await waitFor(() => workspace.stateFiles("runs").length === 0, { what: "the end of what is left of the run" });
  const { dir } = workspace;
  renameSync(dir, `${dir}-away`);
  await coordinator.saw("world-fault");
  renameSync(`${dir}-away`, dir);
  await coordinator.saw("world-ok");
  const second = workspace.serve();
  expect(await second.ended).toMatchObject({ code: 4 });
  workspace.drop("docs/second.md", "Say hello\n");
  await coordinator.saw("committed", 2);
});

it.each(BREAKAGES.slice(0, 3))(
  "does not begin with $name, and says in one line what to do",
  async ({ says, break: breakIt }) => {
    const workspace = await tempWorkspace();
    breakIt(workspace, "");
    const coordinator = workspace.serve();
    expect(await coordinator.ended).toMatchObject({ code: 78 });
    expect(coordinator.log()).toContain(says);
    expect(coordinator.log()).not.toContain("    at ");
  },
);

it("a folder in the place of a stop request is honoured once and stops nothing else", async () => {
  const workspace = await tempWorkspace();
  const coordinator = workspace.serve();
  await coordinator.saw("serving");
  for (const name of ["stop-20261120-141530-k3f9x2", "try-now"])
    mkdirSync(join(workspace.stateDir, "stop-requests", name, "inside"), { recursive: true });
  await coordinator.saw("stop-ignored");
  workspace.drop("docs/first.md", "Say hello\n");
  await coordinator.saw("committed");
  expect(coordinator.lines("stop-ignored")).toHaveLength(1);
  rmSync(join(workspace.stateDir, "stop-requests", "try-now"), { recursive: true });
});
