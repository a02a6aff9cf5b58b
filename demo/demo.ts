/**
 * The whole way in under a minute, without an account or a network: a Git repository, the real codex on a scripted model that
 * runs in this process, and the real coordinator. Ends with an error if anything did not come out as it says.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeCodexHome } from "./model-server/codex-home.ts";
import { startModelServer } from "./model-server/model-server.ts";

const ENTRY = fileURLToPath(new URL("../bin/codex-inbox.js", import.meta.url));
const DEADLINE_MS = 30_000;
const LOOK_MS = 50;

const TASKS = [
  {
    title: "A first task",
    path: "inbox/parrot/1-first.md",
    text: "Please remember the word petrel.\n\n[[final: I will remember petrel.]]\n",
    about: "the sub-folder names the session: parrot",
  },
  {
    title: "A second task in the same session",
    path: "inbox/parrot/2-second.md",
    text: "Which word was it?\n\n[[transcript]]\n",
    about:
      "the model is told to repeat every prompt it sees, so the first one in its answer proves that the conversation was resumed",
  },
  {
    title: "A task that edits a file",
    path: "inbox/edit-greeting.md",
    text: "---\ntitle: Greet the world\n---\nMake greeting.txt say hello to the world.\n\n[[write greeting.txt: Hello, world!\n]] [[final: greeting.txt greets the world now.]]\n",
    about: "codex edits it in its sandbox; the edit stays uncommitted, for you to look at",
  },
] as const;

const base = mkdtempSync(join(tmpdir(), "codex-inbox-demo-"));
const repository = join(base, "repository");
const codexHome = join(base, "codex-home");
const model = await startModelServer();
let coordinator: ChildProcess | undefined;
try {
  say("A repository, and codex pointed at the scripted model");
  mkdirSync(repository);
  mkdirSync(codexHome);
  makeCodexHome(codexHome, model);
  git("init", "--quiet", "--initial-branch=main");
  git("config", "user.name", "Demo");
  git("config", "user.email", "demo@example.invalid");
  writeFileSync(join(repository, "greeting.txt"), "Hello?\n");
  git("add", "greeting.txt");
  git("commit", "--quiet", "--message=A greeting");
  show("codex-inbox init", run("init"));

  say("The coordinator serves it");
  coordinator = spawn(process.execPath, [ENTRY, "serve", "--port", "0", "--settle-ms", "200"], {
    cwd: repository,
    env: { ...process.env, CODEX_HOME: codexHome },
    stdio: ["ignore", "inherit", "inherit"],
  });

  for (const [index, task] of TASKS.entries()) {
    say(`${task.title}: ${task.about}`);
    show(`write ${task.path}`, task.text);
    mkdirSync(dirname(join(repository, task.path)), { recursive: true });
    writeFileSync(join(repository, task.path), task.text);
    await finished(index + 1);
  }

  say("What Git knows now");
  show(
    "git log",
    git("log", "--format=%h %s%n    %(trailers:key=Task-Id,separator=%x20) %(trailers:key=Task-Status,separator=%x20)"),
  );
  show("git status --short (the agent's edit, and nothing of ours)", git("status", "--short"));
  const results = git("ls-files", "sessions/parrot/*.md").trim().split("\n");
  const second = readFileSync(join(repository, results.at(-1) ?? ""), "utf8");
  show(results.at(-1) ?? "", second);
  show("codex-inbox ls", run("ls"));

  expect(second.includes("petrel"), "the second answer does not know the first prompt");
  expect(
    readFileSync(join(repository, "greeting.txt"), "utf8").startsWith("Hello, world!"),
    "greeting.txt was not edited",
  );
  expect(git("status", "--short").trim() === "M greeting.txt", "git status shows something else than the agent's edit");
  expect(
    git("log", "--format=%(trailers:key=Task-Status,valueonly)").match(/succeeded/g)?.length === TASKS.length,
    "not every task succeeded",
  );
  say("All of it as promised.");
} finally {
  if (coordinator !== undefined) await ended(coordinator);
  await model.close();
  rmSync(base, { recursive: true, force: true });
}

function git(...args: readonly string[]): string {
  return execFileSync("git", args, { cwd: repository, encoding: "utf8" });
}

function run(...args: readonly string[]): string {
  return execFileSync(process.execPath, [ENTRY, ...args], { cwd: repository, encoding: "utf8" });
}

/** Waits until `count` tasks have come back as commits. */
async function finished(count: number): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const done = git("log", "--format=%(trailers:key=Task-Id,valueonly)").match(/\S+/g)?.length ?? 0;
    if (done >= count) return;
    expect(coordinator?.exitCode === null, "the coordinator ended");
    expect(Date.now() < deadline, `task ${count} did not come back within ${DEADLINE_MS / 1_000} seconds`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Ctrl-C, and the end of the process. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  await exit;
}

function expect(condition: boolean | undefined, otherwise: string): void {
  if (condition !== true) throw new Error(`The demo failed: ${otherwise}.`);
}

function say(text: string): void {
  process.stdout.write(`\n== ${text}\n`);
}

function show(what: string, content: string): void {
  process.stdout.write(`\n   ${what}\n${content.trimEnd().replace(/^/gm, "   | ")}\n`);
}
