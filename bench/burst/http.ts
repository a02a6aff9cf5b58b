import { mkdtempSync, rmSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NEVER } from "../support/drops.ts";
import { clock, startServing } from "../support/serving.ts";
import { quantile } from "../support/statistics.ts";
import { makeWorkspace } from "../support/workspace.ts";
import type { Plan } from "./plan.ts";
import { type Findings, ratio } from "./report.ts";

/** Requests that are under way at the same time. */
const CONNECTIONS = 16;
const ACCEPTED = 202;
const PROMPT = "Make the posted check faster";

/** Submissions over HTTP of tasks that cannot run yet: each answer means that the task is on the disk. Beside it the least that this can cost. */
export async function measureHttp({ burst }: Plan, folder: string): Promise<Findings> {
  const dir = join(folder, "http");
  await makeWorkspace(dir);
  const serving = await startServing(dir, { flags: ["--max-open-tasks", String(burst + 1)] });
  const answerMs: number[] = [];
  let refused = 0;
  const post = async (): Promise<void> => {
    const startedMs = clock();
    const { status } = await serving.request("/tasks", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: PROMPT, notBefore: NEVER }),
    });
    answerMs.push(clock() - startedMs);
    if (status !== ACCEPTED) refused += 1;
  };
  try {
    const submissions = await measureRate(burst, CONNECTIONS, post);
    const files = await measureSyncedFiles(burst);
    return {
      rows: [
        {
          name: `POST /tasks, ${CONNECTIONS} at a time, durable, a second; ratio: to the peer`,
          digits: 0,
          figure: submissions,
          ratio: ratio(submissions, files),
        },
        { name: "… an answer, 95th percentile, ms", digits: 1, figure: quantile(answerMs, 0.95) },
        {
          name: `peer: a file written, synced and renamed, ${CONNECTIONS} at a time, a second`,
          digits: 0,
          figure: files,
        },
      ],
      problems: refused === 0 ? [] : [`${refused} of ${burst} submissions were refused`],
    };
  } finally {
    await serving.stop();
  }
}

async function measureSyncedFiles(count: number): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), "codex-inbox-synced-"));
  let made = 0;
  const write = async (): Promise<void> => {
    const path = join(dir, String(made++));
    const file = await open(`${path}.new`, "wx");
    try {
      await file.writeFile(PROMPT);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
  };
  try {
    return await measureRate(count, CONNECTIONS, write);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Does something `count` times, so many at a time, and returns how often a second. */
async function measureRate(count: number, atATime: number, act: () => Promise<void>): Promise<number> {
  let left = count;
  const startedMs = clock();
  const one = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await act();
    }
  };
  await Promise.all(Array.from({ length: atATime }, one));
  return count / ((clock() - startedMs) / 1_000);
}
