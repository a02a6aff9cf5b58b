import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { drops, nextDrop } from "../support/drops.ts";
import { waitForResults } from "../support/results.ts";
import { startServing } from "../support/serving.ts";
import { git, makeWorkspace } from "../support/workspace.ts";
import type { Plan } from "./plan.ts";
import type { Findings } from "./report.ts";

/** What a finished task takes in the repository once git has packed it: its file, its transcript, its ledger rows, its commit. */
export async function measureBytes({ burst, limitMs }: Plan, folder: string): Promise<Findings> {
  const dir = join(folder, "bytes");
  await makeWorkspace(dir);
  const before = await packedBytes(dir);
  const serving = await startServing(dir);
  try {
    serving.publish(drops(burst, nextDrop));
    await waitForResults(serving, burst, limitMs);
  } finally {
    await serving.stop();
  }
  const objects = join(dir, ".git/objects");
  const unpacked = bytesBelow(objects) - before;
  // The newest packs are ours for a while; git tidies them up from the day that they are handed over.
  for (const name of readdirSync(join(objects, "pack")))
    if (name.endsWith(".keep")) rmSync(join(objects, "pack", name));
  const bytes = (await packedBytes(dir)) - before;
  return {
    rows: [
      { name: "a finished task in the repository, bytes after git gc", digits: 0, figure: bytes / burst },
      { name: "… in our own packs before that, bytes", digits: 0, figure: unpacked / burst },
    ],
    problems: [],
  };
}

async function packedBytes(dir: string): Promise<number> {
  await git(dir, "gc", "--quiet", "--prune=now");
  return bytesBelow(join(dir, ".git/objects"));
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
