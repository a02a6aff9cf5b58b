import { spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { systemErrorCode } from "../../src/base/errors.ts";
import { createIntake } from "../../src/intake/inbox/intake.ts";
import type { Drop } from "../../src/task/file/drop.ts";
import { freshId, hashBlob } from "./blob-and-id.ts";
import { PLAIN_KEEPER } from "./kept.ts";

/**
 * An intake in a process of its own: `inbox-process.ts <workspace> <state> [<inotify watches>]`. Answers each command with one
 * line of JSON. A number of inotify watches is the limit of a user namespace of its own: nothing else on the machine feels it.
 *
 * `scan` gives the scan; `fault` the code of the system error with which one fails, or null; `claim` takes what it found, and gives the ids and paths it got and how many others took; `start`
 * watches; `heard` gives the hints and notices until now; `nobody` gives up all rights that the superuser has over files.
 */
const [workspaceDir = "", stateDir = "", watchesMax] = process.argv.slice(2);
const notices: string[] = [];
let hints = 0;
let found: readonly Drop[] = [];

const intake = createIntake({
  workspaceDir,
  stateDir,
  settleMs: 0,
  rescanMs: 60_000,
  now: Date.now,
  hashBlob,
  keeper: PLAIN_KEEPER,
  onHint: () => {
    hints += 1;
  },
  onNotice: (notice) => notices.push(notice),
});

async function answer(command: string): Promise<unknown> {
  switch (command) {
    case "scan": {
      const scan = await intake.scan();
      found = scan.drops;
      return scan;
    }
    case "fault":
      return intake.scan().then(() => null, systemErrorCode);
    case "claim":
      return claimFound();
    case "start":
      await intake.start();
      return {};
    case "heard":
      return { hints, notices };
    case "nobody":
      if (process.getuid?.() === 0) process.setuid?.(65_534);
      return {};
    default:
      throw new Error(`unknown command: ${command}`);
  }
}

async function claimFound(): Promise<unknown> {
  const taken: { readonly id: string; readonly path: string }[] = [];
  let lost = 0;
  for (const drop of found) {
    const id = freshId();
    const held = await intake.claim(drop, id);
    if (typeof held === "object") taken.push({ id, path: held.path });
    else lost += 1;
  }
  return { taken, lost };
}

async function serve(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
  }
  await intake.stop();
}

function runLimited(limit: string): void {
  const script = 'echo "$0" > /proc/sys/user/max_inotify_watches && exec "$@"';
  const command = [process.execPath, fileURLToPath(import.meta.url), workspaceDir, stateDir];
  spawnSync("unshare", ["--user", "--map-root-user", "sh", "-c", script, limit, ...command], { stdio: "inherit" });
}

if (watchesMax === undefined) await serve();
else runLimited(watchesMax);
