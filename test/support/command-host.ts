import { type ChildProcess, spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { inject } from "vitest";
import type { HostAnswer, HostRequest } from "./command-host-process.ts";
import { quickPath } from "./real-codex.ts";
import { onTestFinished } from "./test-end.ts";

/** Commands that need no terminal and end by themselves. `serve` is one with `--until-idle` alone. */
const HOSTED = [
  ...["serve", "ls", "status", "show", "log", "diff", "sessions", "wait"],
  ...["init", "add", "start", "send", "stop", "retry", "archive", "land", "policy", "pause", "resume"],
];

interface Host {
  readonly child: ChildProcess;
  /** What is not answered yet. */
  readonly asked: Map<number, { resolve(answer: HostAnswer): void; reject(error: Error): void }>;
}

let host: Host | undefined;
let requests = 0;

/** What src/cli.ts answers before a command is loaded. */
const BEFORE_COMMANDS = ["--help", "-h"];

/** Whether a command may run in the host: git there has the host's environment, and only codex and we look at the command's. */
export function isHosted(args: readonly string[], added: Readonly<Record<string, string>>): boolean {
  const isCommand = HOSTED.includes(args[0] ?? "") && !args.some((word) => BEFORE_COMMANDS.includes(word));
  return isCommand && Object.keys(added).every((name) => name.startsWith("CODEX_"));
}

/**
 * Runs `codex-inbox <args>` in `dir` to its end, in a process that runs the commands of all tests of this worker: it saves what a start
 * of Node and of the program take, which is more than most commands do.
 *
 * @throws Error with what the host said, when it ends before the command does
 */
export function runHosted(
  dir: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<HostAnswer> {
  host ??= startHost();
  const { child, asked } = host;
  requests += 1;
  const request: HostRequest = { request: requests, dir, args, environment };
  onTestFinished(() => {
    if (!asked.has(request.request)) return;
    child.kill("SIGKILL"); // The test is over, and what it waited for goes on.
    if (host?.child === child) host = undefined;
  });
  return new Promise((resolve, reject) => {
    asked.set(request.request, { resolve, reject });
    child.stdin?.write(`${JSON.stringify(request)}\n`);
  });
}

function startHost(): Host {
  const entry = join(inject("packageDir"), "dist/command-host-process.js");
  const env = {
    PATH: `${dirname(process.execPath)}:${quickPath()}`,
    ...{ HOME: inject("sharedDir"), LANG: "C.UTF-8", RUST_LOG: "off" },
  };
  const child = spawn(process.execPath, [entry], { cwd: tmpdir(), env, stdio: ["pipe", "pipe", "pipe"] });
  const started: Host = { child, asked: new Map() };
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    said += chunk;
  });
  child.stdin.on("error", () => undefined); // Its end is told below.
  createInterface({ input: child.stdout }).on("line", (line) => {
    const answer = JSON.parse(line) as HostAnswer;
    started.asked.get(answer.request)?.resolve(answer);
    started.asked.delete(answer.request);
  });
  child.once("close", (code, signal) => {
    if (host === started) host = undefined;
    for (const { reject } of started.asked.values()) reject(new Error(`the host ended (${code ?? signal}): ${said}`));
  });
  return started;
}
