import { createHmac } from "node:crypto";
import { CoordinatorError } from "../../base/errors.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/files/read-bounded.ts";
import { runProgram } from "../../base/process/run-program.ts";

/** What the policy says of hooks. Absent: nobody is told. */
export interface HookSettings {
  /** Absolute path of a program that gets each event on standard input. */
  readonly hook: string | undefined;
  /** Where each event is posted to, and the file that holds the secret by which that is signed. */
  readonly webhook: string | undefined;
  readonly webhookSecret: string | undefined;
}

/** What is told, and of which workspace. */
export interface HookCall {
  /** JSON, on one line. */
  readonly event: string;
  readonly seq: number;
  /** Names the event among those of all workspaces, also where it is told twice. */
  readonly delivery: string;
  readonly workspaceDir: string;
}

const TIME_MAX_MS = 10_000;
const OUTPUT_BYTES_MAX = 64 * 1024;
const SAID_MAX = 200;
/** Of our own environment a program gets these; the secrets of the coordinator stay with it. */
const VARIABLES = ["PATH", "HOME", "LANG", "LC_ALL", "TZ"] as const;

/** Runs the program at `path`; returns what went wrong, or `undefined` where it ended with 0. */
export async function callProgram(
  path: string,
  { event, workspaceDir }: HookCall,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string | undefined> {
  const inherited = VARIABLES.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const end = await runProgram(path, [], {
    env: { ...Object.fromEntries(inherited), CODEX_INBOX_WORKSPACE: workspaceDir },
    ...{ cwd: "/", input: `${event}\n`, timeMs: TIME_MAX_MS, outputBytes: OUTPUT_BYTES_MAX, signal },
    leavesProcesses: true, // A notice on the desktop, or what mails.
  });
  return end.status === 0 ? undefined : `${end.message}: ${end.stderr.trim().slice(0, SAID_MAX)}`;
}

/**
 * Posts an event to `url`, signed: `X-Codex-Inbox-Signature` is `t=<Unix s>,v1=<HMAC-SHA-256 of "<t>.<body>", hex>`. Redirects are not
 * followed, and nothing of the answer is read but its status.
 *
 * @returns what went wrong, or `undefined` where it was answered with 2xx
 */
export async function callWebhook(
  url: string,
  secretPath: string | undefined,
  call: HookCall,
  nowMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const secret = secretPath === undefined ? undefined : readBoundedText(secretPath, SMALL_FILE_BYTES_MAX)?.trim();
    if (secret === undefined || secret === "")
      return "webhookSecret of the policy names no file with a secret: nothing is sent unsigned";
    const seconds = Math.floor(nowMs / 1_000);
    const signature = createHmac("sha256", secret).update(`${seconds}.${call.event}`).digest("hex");
    const status = await post(url, call, `t=${seconds},v1=${signature}`, signal);
    return status >= 200 && status < 300 ? undefined : `it was answered with ${status}`;
  } catch (error) {
    if (error instanceof CoordinatorError) return error.message;
    return error instanceof Error ? error.message : String(error);
  }
}

async function post(
  url: string,
  { event, delivery }: HookCall,
  signature: string,
  signal: AbortSignal,
): Promise<number> {
  // Loaded by the few who have a webhook.
  const { request } = await (url.startsWith("https:") ? import("node:https") : import("node:http"));
  const headers = {
    ...{ "content-type": "application/json", "content-length": Buffer.byteLength(event) },
    ...{ "user-agent": "codex-inbox", "x-codex-inbox-delivery": delivery, "x-codex-inbox-signature": signature },
  };
  const limits = { signal: AbortSignal.any([signal, AbortSignal.timeout(TIME_MAX_MS)]), agent: false } as const;
  return new Promise((resolve, reject) => {
    request(url, { method: "POST", headers, ...limits }, (response) => {
      response.destroy();
      resolve(response.statusCode ?? 0);
    })
      .once("error", reject)
      .end(event);
  });
}
