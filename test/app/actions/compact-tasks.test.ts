import { expect, it } from "vitest";
import { openUseCases } from "../../../src/app/open-use-cases.ts";
import { takeLock } from "../../../src/base/process/process-lock.ts";
import { findWorkspace } from "../../../src/git/repository/workspace-place.ts";
import { statePaths } from "../../../src/store/state-paths.ts";
import { foldLedger, parseLedger } from "../../../src/task/ledger/ledger.ts";
import { appendRows } from "../../support/kept.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const TASK = "20261120-141530-k3f9x2";

function row(status: "queued" | "running" | "succeeded", task = TASK) {
  return { time: "2026-11-20T14:15:30.000Z", task, session: "docs", run: 1, status, detail: "" } as const;
}

it("compacts the ledger and its closed files in one commit, unless a coordinator is at work", async () => {
  const repo = tempRepo();
  const app = openUseCases(repo.dir, process.env, () => undefined);
  await app.init({ branch: undefined, dir: undefined, another: false });
  const other = "20261119-141530-k3f9x2";
  repo.write(
    "tasks.md",
    String(appendRows(undefined, [row("queued"), row("running"), row("succeeded"), row("queued", other)])),
  );
  repo.write("tasks/2026-11-20/aaaaaa-0001.md", String(appendRows(undefined, [row("queued"), row("running")])));
  repo.git("add", "-A");
  repo.git("commit", "-q", "-m", "a history");
  const files = ["tasks.md", "tasks/2026-11-20/aaaaaa-0001.md"];
  const state = () => foldLedger(files.flatMap((path) => parseLedger(repo.read(path) ?? "")));
  const before = state();

  const place = await findWorkspace(repo.dir, () => false);
  const lock = await takeLock({
    ...{ dir: statePaths(place.stateDir).root, name: "lock", onLost: () => undefined, describeHolder: () => "held" },
  });
  await expect(app.compactTasks(false)).rejects.toMatchObject({
    code: "REFUSED",
    message: expect.stringMatching(/--force/),
  });
  const tip = repo.git("rev-parse", "HEAD");
  const compacted = await app.compactTasks(true);
  await lock.release();
  expect(compacted).toEqual({ commit: repo.git("rev-parse", "HEAD"), rows: { before: 6, after: 3 } });
  expect(repo.git("rev-parse", "HEAD~")).toBe(tip);
  expect(repo.git("show", "--name-only", "--format=%an: %s", "HEAD").split("\n")).toEqual([
    ...["codex-inbox: codex-inbox: the ledger has the latest row of each task alone", "", ...files],
  ]);
  expect(state()).toEqual(before);
  expect(repo.git("status", "--porcelain")).toBe("");
  expect(await app.compactTasks(false)).toEqual({ commit: undefined, rows: { before: 3, after: 3 } });
});
