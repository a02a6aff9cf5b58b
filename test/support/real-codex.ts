import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { inject } from "vitest";
import { type CodexConfigOptions, makeCodexHome } from "../../demo/model-server/codex-home.ts";
import { type ModelRequest, type ModelServer, startModelServer } from "../../demo/model-server/model-server.ts";
import { writeFileAtomic } from "../../src/base/files/write-file-atomic.ts";
import { statePaths } from "../../src/store/state-paths.ts";
import { onTestFinished } from "./test-end.ts";

/** The real codex, with a home of its own and a scripted model behind it. Everything is removed when the test is finished. */
export interface RealCodex {
  /** The native binary, not the script of the package. */
  readonly codexPath: string;
  /** CODEX_HOME. */
  readonly home: string;
  readonly server: ModelServer;
  readonly requests: readonly ModelRequest[];
  /** All that codex needs of an environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Runs `codex exec … [resume <thread>] -` with `prompt` on its stdin, and waits for its end. */
  exec(prompt: string, options: ExecOptions): Promise<ExecResult>;
}

/** Returns our PATH, with a folder first whose programs answer codex faster than the system's. */
export function quickPath(): string {
  return `${join(import.meta.dirname, "../fixtures/bin")}:${process.env.PATH ?? ""}`;
}

interface ExecOptions {
  /** An existing directory; it need not be a repository. */
  readonly workingDir: string;
  readonly resume?: string;
  readonly sandbox?: "read-only" | "workspace-write" | "danger-full-access";
  readonly args?: readonly string[];
  /** Interrupts codex as Ctrl-C does (SIGINT): it then ends with exit code 1. */
  readonly signal?: AbortSignal;
}

interface ExecResult {
  readonly exitCode: number | undefined;
  /** The lines of stdout, parsed. */
  readonly events: readonly CodexLine[];
  readonly threadId: string | undefined;
  /** The text of the last message of the agent. */
  readonly lastMessage: string | undefined;
  readonly stderr: string;
}

interface CodexLine {
  readonly type: string;
  readonly thread_id?: string;
  readonly item?: Readonly<Record<string, unknown>> & { readonly type: string };
  readonly error?: { readonly message: string };
  readonly usage?: Readonly<Record<string, number>>;
}

/** Starts a scripted model and makes a CODEX_HOME that uses it. */
export async function realCodex(options: CodexConfigOptions = {}): Promise<RealCodex> {
  const codexPath = nativeCodexPath();
  const server = await startModelServer();
  const home = mkdtempSync(join(tmpdir(), "codex-home-"));
  onTestFinished(async () => {
    await server.close();
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  });
  cpSync(await usedHome(codexPath), home, { recursive: true });
  makeCodexHome(home, server, options);
  const environment = { PATH: quickPath(), HOME: home, CODEX_HOME: home, RUST_LOG: "off" };
  return {
    codexPath,
    home,
    server,
    requests: server.requests,
    environment,
    exec: (prompt, execOptions) => runExec(codexPath, environment, prompt, execOptions),
  };
}

let used: Promise<string> | undefined;

/** Returns a home that codex has been in, with no thread; all tests share it. To make its databases takes as long as a whole turn. */
function usedHome(codexPath: string): Promise<string> {
  used ??= findUsedHome(codexPath, join(inject("sharedDir"), "codex-home"));
  return used;
}

/** Makes it, unless another process was faster. */
async function findUsedHome(codexPath: string, path: string): Promise<string> {
  if (existsSync(path)) return path;
  const home = mkdtempSync(join(inject("sharedDir"), "new-"));
  const server = await startModelServer();
  makeCodexHome(home, server);
  const environment = { PATH: quickPath(), HOME: home, CODEX_HOME: home, RUST_LOG: "off" };
  const { exitCode, stderr } = await runExec(codexPath, environment, "Hello.", {
    workingDir: home,
    args: ["--ephemeral"],
  });
  await server.close();
  if (exitCode !== 0) throw new Error(`the first turn in a new home ended with ${exitCode}: ${stderr}`);
  for (const name of ["config.toml", "sessions", "shell_snapshots"])
    rmSync(join(home, name), { recursive: true, force: true });
  try {
    renameSync(home, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  }
  return path;
}

/** A workspace keeps that the sandbox of this codex works. To try it takes as long as a turn, so what the first one keeps the others have. */
export function shareSandboxProbe(stateDir: string): void {
  const [own, shared] = [statePaths(stateDir).sandbox, join(inject("sharedDir"), "sandbox.json")];
  if (existsSync(shared)) {
    mkdirSync(stateDir, { mode: 0o700 });
    cpSync(shared, own);
    return;
  }
  onTestFinished(() => {
    if (existsSync(own)) writeFileAtomic(shared, readFileSync(own));
  });
}

/** Returns the path of the native binary of `@openai/codex` for this machine. */
export function nativeCodexPath(): string {
  const fromHere = createRequire(import.meta.url);
  const fromCodex = createRequire(fromHere.resolve("@openai/codex/package.json"));
  const platformPackage = `@openai/codex-${process.platform}-${process.arch}/package.json`;
  const vendor = join(dirname(fromCodex.resolve(platformPackage)), "vendor");
  const [target] = readdirSync(vendor);
  if (target === undefined) throw new Error(`no binary in ${vendor}`);
  return join(vendor, target, "bin", "codex");
}

async function runExec(
  codexPath: string,
  environment: Readonly<Record<string, string>>,
  prompt: string,
  options: ExecOptions,
): Promise<ExecResult> {
  const args = ["exec", "--json", "-C", options.workingDir, "-s", options.sandbox ?? "workspace-write"];
  args.push("--skip-git-repo-check", "-c", "agents.enabled=false", ...(options.args ?? []));
  if (options.resume !== undefined) args.push("resume", options.resume);
  const child = spawn(codexPath, [...args, "-"], { env: environment, stdio: "pipe" });
  options.signal?.addEventListener("abort", () => child.kill("SIGINT"), { once: true });
  const ended = new Promise<number | undefined>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? undefined));
  });
  child.stdin.end(prompt);
  const [exitCode, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  const events = stdout.split("\n").flatMap((line): CodexLine[] => (line === "" ? [] : [JSON.parse(line)]));
  return {
    exitCode,
    events,
    threadId: events.find(({ type }) => type === "thread.started")?.thread_id,
    lastMessage: lastMessage(events),
    stderr,
  };
}

function lastMessage(events: readonly CodexLine[]): string | undefined {
  const last = events.findLast(({ item }) => item?.type === "agent_message")?.item?.text;
  return typeof last === "string" ? last : undefined;
}
