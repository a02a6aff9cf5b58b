import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { installPeers, PEERS } from "./peer-packages.ts";
import { RUN, withPrompts } from "./peers.ts";
import { startPostgres } from "./postgres.ts";
import { clock } from "./serving.ts";
import { benchEnvironment, STUB } from "./workspace.ts";

/** What of graphile-worker is used here (its documentation, "Library mode"). */
interface GraphileWorker {
  makeWorkerUtils(options: { connectionString: string }): Promise<WorkerUtils>;
  run(options: {
    connectionString: string;
    concurrency: number;
    noHandleSignals: boolean;
    logger: unknown;
    taskList: Readonly<Record<string, (payload: unknown) => Promise<void>>>;
  }): Promise<{ stop(): Promise<void> }>;
  readonly Logger: new (factory: () => () => void) => unknown;
}

interface WorkerUtils {
  migrate(): Promise<void>;
  addJob(task: string, payload: unknown): Promise<unknown>;
  release(): Promise<void>;
}

const SLOTS = 4;

/**
 * Runs the same stub `count` times with graphile-worker on a PostgreSQL of its own: a durable queue, no commit. Each job is added by a
 * transaction of its own, as ours are accepted one by one. Returns runs per second, or why there are none.
 *
 * @param mayInstall fetches both from npm where they are not there
 */
export async function measureGraphileWorker(count: number, mayInstall: boolean): Promise<number | string> {
  const missing = installPeers(mayInstall);
  if (missing !== undefined) return missing;
  const entry = createRequire(join(PEERS, "package.json")).resolve("graphile-worker");
  const { makeWorkerUtils, run, Logger } = (await import(pathToFileURL(entry).href)) as GraphileWorker;
  const postgres = await startPostgres();
  const { connectionString } = postgres;
  try {
    const utils = await makeWorkerUtils({ connectionString });
    await utils.migrate();
    return await withPrompts(count, async (_dir, prompts) => {
      const all = Promise.withResolvers<void>();
      let ended = 0;
      const runOne = async (payload: unknown): Promise<void> => {
        const child = spawn("sh", ["-c", RUN, "sh", STUB, (payload as { prompt: string }).prompt], {
          env: benchEnvironment(),
          stdio: "ignore",
        });
        await once(child, "exit");
        ended += 1;
        if (ended === count) all.resolve();
      };
      const logger = new Logger(() => () => undefined);
      const options = { connectionString, concurrency: SLOTS, noHandleSignals: true, logger };
      const runner = await run({ ...options, taskList: { run: runOne } });
      try {
        const startedMs = clock();
        for (const prompt of prompts) await utils.addJob("run", { prompt });
        await all.promise;
        return count / ((clock() - startedMs) / 1_000);
      } finally {
        await runner.stop();
        await utils.release();
      }
    });
  } finally {
    await postgres.stop();
  }
}
