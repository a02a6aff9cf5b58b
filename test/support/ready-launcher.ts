import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLauncher, type Launcher } from "../../src/run/worker/launcher/launcher.ts";
import { makeVerifyDirectory } from "../../src/run/worker/run-directory.ts";
import { onTestFinished } from "./test-end.ts";
import { waitFor } from "./wait-for.ts";

export interface ReadyLauncher {
  readonly launcher: Launcher;
  /** Of its shell. */
  readonly pid: number;
}

/** Opens a launcher whose shell takes the next start; it is closed when the test is finished. */
export async function readyLauncher(program?: string): Promise<ReadyLauncher> {
  const launcher = createLauncher(program);
  onTestFinished(launcher.close);
  launcher.open();
  return { launcher, pid: await waitUntilReady(launcher) };
}

/** Starts runs until one is not started by this process; returns the process id of the shell. */
export function waitUntilReady(launcher: Launcher): Promise<number> {
  return waitFor(
    async () => {
      const parent = await startedBy(launcher);
      return parent === process.pid ? undefined : parent;
    },
    { what: "a launcher that starts workers" },
  );
}

/** Starts a run; returns the process id of the one that has started its worker. */
export async function startedBy(launcher: Launcher): Promise<number> {
  const runDir = mkdtempSync(join(tmpdir(), "codex-inbox-launched-"));
  try {
    const command = ["/bin/sh", "-c", "read -r _ _ _ parent _ </proc/$PPID/stat; echo $parent"];
    makeVerifyDirectory(runDir, { command, workdir: "/" });
    await new Promise<void>((resolve, reject) => {
      launcher.start({ runDir, command, workdir: "/", environment: {} }, resolve).catch(reject);
    });
    return Number(readFileSync(join(runDir, "events.jsonl"), "utf8"));
  } finally {
    rmSync(runDir, { recursive: true, force: true });
  }
}

/** Zombies too. */
export function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
}
