import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeCodexHome } from "../../demo/model-server/codex-home.ts";
import { startModelServer } from "../../demo/model-server/model-server.ts";
import { drops, nextRealDrop } from "../support/drops.ts";
import { median } from "../support/statistics.ts";
import { exactlyOnce, perTask, problemsOf, speed } from "./burst-figures.ts";
import { type Plan, profiling } from "./plan.ts";
import type { Findings, Row } from "./report.ts";
import { type Burst, serveBurst, startProbed } from "./served-burst.ts";

/** The product resolves it to the native binary. */
const CODEX = fileURLToPath(new URL("../../node_modules/.bin/codex", import.meta.url));

/** Takes tasks through the real codex, with a scripted model in this process. */
export async function measureReal(plan: Plan, folder: string): Promise<Findings> {
  const model = await startModelServer();
  try {
    const codexHome = makeCodexHome(join(folder, "codex-home"), model);
    const environment = { CODEX_INBOX_CODEX: CODEX, CODEX_HOME: codexHome, RUST_LOG: "off" };
    const probed = await startProbed(join(folder, "real"), 0, { environment, nodeArgs: profiling(plan, "real") });
    try {
      const real = await serveBurst(probed, drops(plan.real, nextRealDrop), plan);
      return { rows: realRows(real), problems: problemsOf(real) };
    } finally {
      await probed.serving.stop();
    }
  } finally {
    await model.close();
  }
}

/** Returns the figures of a burst that the real codex ran; commit attempts only where the log tells them. */
function realRows(real: Burst): readonly Row[] {
  const row = (name: string, figure: number | string, digits = 0): Row => ({ name, digits, figure });
  const attempts = real.commits.flatMap(({ fields }) =>
    fields.attempts === undefined ? [] : [Number(fields.attempts)],
  );
  return [
    row(`real codex, ${real.count} tasks, 4 workers, tasks/s`, speed([real]), 2),
    row("… coordinator, % of one core", (100 * real.ownCpuMs) / real.tookMs, 1),
    row("… processor time of the coordinator, ms/task", perTask([real], "ownCpuMs"), 1),
    row("… processor time of its children, ms/task", perTask([real], "childrenCpuMs")),
    row("… a finished task waits for its commit, median ms", median(real.waitsMs)),
    row("… the same, longest, ms", Math.max(...real.waitsMs)),
    row("… event loop late, worst, ms", real.loop.worstMs),
    ...(attempts.length === 0
      ? []
      : [row("… commit attempts per task", attempts.reduce((sum, one) => sum + one, 0) / real.committed, 2)]),
    row("… results in Git exactly once, of all", exactlyOnce([real])),
  ];
}
