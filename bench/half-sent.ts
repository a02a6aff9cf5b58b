/**
 * What the coordinator holds while many requests with large bodies are half sent, and how a small request fares beside them.
 *
 *   npx node bench/half-sent.ts [--bodies 150] [--sent 4900000] [--hold 15]
 *
 * Every request tells a body of 5 MB, sends `--sent` bytes of it and then nothing more. First without the token of the coordinator, as
 * another user of the machine could; then with it. Resident memory as the system counts it, in MB; answers as they came.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import type { Flood } from "./half-sent/flood.ts";
import { authorization, clock, type Serving, startServing } from "./support/serving.ts";
import { markdownTable, quantile } from "./support/statistics.ts";
import { makeWorkspace } from "./support/workspace.ts";

const BODY_BYTES = 5_000_000;
const SMALL_REQUESTS_EVERY_MS = 100;
/** Until what the bodies took is free again. */
const SETTLE_MS = 2_000;

const { values } = parseArgs({
  options: {
    bodies: { type: "string", default: "150" },
    sent: { type: "string", default: "4900000" },
    hold: { type: "string", default: "15" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "codex-inbox-half-sent-"));
try {
  await makeWorkspace(join(folder, "workspace"));
  const serving = await startServing(join(folder, "workspace"));
  try {
    await measure(serving);
  } finally {
    await serving.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function measure(serving: Serving): Promise<void> {
  await serving.request("/health"); // What the first request loads is no cost of the bodies.
  const rows = [];
  for (const [who, headers] of [
    ["without the token", {}],
    ["with the token", authorization(serving.dir)],
  ] as const) {
    rows.push([`${values.bodies} half-sent bodies, ${who}`, ...(await sendHalf(serving, headers))]);
  }
  const head = ["", "before, MB", "most, MB", "after, MB", "answers", "small request, median ms", "worst"];
  console.log(markdownTable(head, rows));
}

/** Returns the cells of a row. */
async function sendHalf(serving: Serving, headers: Readonly<Record<string, string>>): Promise<readonly string[]> {
  serving.forgetPeak();
  const before = serving.memory().residentKb;
  const flood: Flood = {
    ...{ url: serving.url, headers, told: BODY_BYTES },
    ...{ bodies: Number(values.bodies), sent: Number(values.sent) },
  };
  const thread = new Worker(new URL("./half-sent/flood.ts", import.meta.url), { workerData: flood });
  const tookMs: number[] = [];
  const endMs = clock() + Number(values.hold) * 1_000;
  while (clock() < endMs) {
    const startedMs = clock();
    const { status } = await serving.request("/tasks?limit=1");
    if (status !== 200) throw new Error(`a small request was answered ${status}`);
    tookMs.push(clock() - startedMs);
    await wait(SMALL_REQUESTS_EVERY_MS);
  }
  const most = serving.memory().peakKb;
  thread.postMessage("end");
  const [answers] = (await once(thread, "message")) as [Readonly<Record<string, number>>];
  await wait(SETTLE_MS);
  const said = Object.entries(answers).map(([status, count]) => `${count} × ${status}`);
  return [
    ...[before, most, serving.memory().residentKb].map((kb) => (kb / 1024).toFixed(0)),
    ...[said.length === 0 ? "none" : said.join(", "), quantile(tookMs, 0.5).toFixed(1), Math.max(...tookMs).toFixed(0)],
  ];
}
