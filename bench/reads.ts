/**
 * What it takes the coordinator to answer questions over HTTP, beside a long queue and a long history, and how late its event loop is
 * meanwhile.
 *
 *   npx node bench/reads.ts [--finished 100000] [--open 10000] [--rounds 100] [--cache <folder>]
 *
 * One request after the other, from a process of its own, with the time to read the answer. The open tasks cannot run. With --cache the
 * workspace is kept there, as by bench/scale.ts, which makes the same.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { takeLoopDelay } from "./burst/loop-delay.ts";
import { type Probed, serveProbed } from "./burst/served-burst.ts";
import { prepareWorkspace } from "./scale/past-workspace.ts";
import { authorization, clock, type Serving } from "./support/serving.ts";
import { markdownTable, median, quantile } from "./support/statistics.ts";
import { git } from "./support/workspace.ts";

/** What was accepted is being written and noticed for some seconds more. */
const REST_MS = 3_000;

const { values } = parseArgs({
  options: {
    finished: { type: "string", default: "100000" },
    open: { type: "string", default: "10000" },
    rounds: { type: "string", default: "100" },
    cache: { type: "string" },
  },
});
const folder = values.cache === undefined ? mkdtempSync(join(tmpdir(), "codex-inbox-reads-")) : resolve(values.cache);
mkdirSync(folder, { recursive: true });
try {
  const dir = join(folder, values.finished);
  await prepareWorkspace(dir, Number(values.finished));
  const probed = await serveProbed(dir, Number(values.open));
  try {
    await delay(REST_MS);
    console.log(await measure(probed, Number(values.rounds)));
  } finally {
    await probed.serving.stop();
  }
} finally {
  if (values.cache === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function measure({ serving, loopPath }: Probed, rounds: number): Promise<string> {
  const rows = [];
  for (const [name, path] of await questions(serving)) {
    await serving.request(path); // What the first one loads, or reads for all that come.
    await takeLoopDelay(loopPath, serving.pid);
    const took: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const startedMs = clock();
      const { status } = await serving.request(path);
      took.push(clock() - startedMs);
      if (status !== 200) throw new Error(`${path} was answered ${status}`);
    }
    const { worstMs } = await takeLoopDelay(loopPath, serving.pid);
    rows.push([name, ...[median(took), quantile(took, 0.95), Math.max(...took), worstMs].map((ms) => ms.toFixed(1))]);
  }
  return markdownTable(["", "median ms", "95th percentile", "longest", "loop late, worst"], rows);
}

/** By what they ask for. */
async function questions(serving: Serving): Promise<readonly (readonly [name: string, path: string])[]> {
  const headers = authorization(serving.dir);
  const page = async (path: string): Promise<Page> =>
    (await fetch(serving.url + path, { headers })).json() as Promise<Page>;
  const pages = ["/tasks?limit=100", "/tasks?status=succeeded&limit=100"];
  const [open, ended] = await Promise.all(pages.map(page));
  const idOf = (one: Page | undefined): string => one?.tasks[0]?.id ?? "";
  const next = (path = "", one: Page | undefined): string =>
    one?.nextCursor == null ? path : `${path}&cursor=${one.nextCursor}`;
  return [
    ["GET /tasks, first page of 100", pages[0] ?? ""],
    ["GET /tasks, the next page", next(pages[0], open)],
    ["GET /tasks, 100 finished ones", pages[1] ?? ""],
    ["GET /tasks, the 100 before those", next(pages[1], ended)],
    ["GET /tasks/:id, an open one", `/tasks/${idOf(open)}`],
    ["GET /tasks/:id, the last finished one", `/tasks/${idOf(ended)}`],
    ["GET /tasks/:id, the first of all", `/tasks/${await firstOfAll(serving.dir)}`],
    ["GET /tasks/:id/log, of the last finished one", `/tasks/${idOf(ended)}/log`],
    ...["/health", "/status", "/sessions"].map((path) => [`GET ${path}`, path] as const),
  ];
}

interface Page {
  readonly tasks: readonly { readonly id: string }[];
  readonly nextCursor: string | null;
}

async function firstOfAll(dir: string): Promise<string> {
  const found = await git(dir, "log", "--reverse", "--format=%(trailers:key=Task-Id,valueonly)", "--grep=^Task-Id: ");
  return found.slice(0, found.indexOf("\n"));
}
