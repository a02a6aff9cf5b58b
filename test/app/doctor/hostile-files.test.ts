import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { type DamagedWorkspace, damagedWorkspace } from "./damaged-workspace.ts";

const OTHER = "20261120-141530-k3f9x2";
/** What the doctor reads in the coordinator's folder. */
const STATE_FILES = [
  ...["policy.json", "clone", "branch", "codex-hold.json", "sandbox.json", "sign-ins.json", "server.json"],
  ...["committer.json", "events/reserved.json", "paused/queue.json", "session-locks/held.jsonl"],
  ...[`journal/open/${OTHER}.jsonl`, `journal/done/${OTHER}.jsonl`, `accepting/${OTHER}`, "tmp", "runs/notes"],
];
/** The same in the work tree, and beside it. */
const TREE_FILES = [
  "codex-inbox.json",
  ".gitattributes",
  "inbox/hostile.md",
  ".git/info/attributes",
  ".git/index.lock",
];

const KINDS: Readonly<Record<string, (path: string) => void>> = {
  "a pipe": (path) => void execFileSync("mkfifo", [path]),
  "a link to /dev/zero": (path) => void execFileSync("ln", ["-s", "/dev/zero", path]),
  "a sparse file of 5 GB": (path) => {
    writeFileSync(path, "");
    truncateSync(path, 5 * 1024 ** 3);
  },
  "binary data": (path) => writeFileSync(path, Buffer.from(Array.from({ length: 4_096 }, (_, n) => (n * 7) % 256))),
  "a folder": (path) => mkdirSync(path, { recursive: true }),
};

function plant(workspace: DamagedWorkspace, make: (path: string) => void): void {
  const paths = [
    ...STATE_FILES.map((path) => join(workspace.paths.root, path)),
    ...TREE_FILES.map((path) => join(workspace.repo.dir, path)),
  ];
  for (const path of paths) {
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { recursive: true, force: true });
    make(path);
  }
  const run = join(workspace.paths.runs, workspace.task, "1");
  mkdirSync(run, { recursive: true });
  for (const name of ["claim", "exit.json", "command.json", "events.jsonl"]) make(join(run, name));
}

it.each(Object.keys(KINDS))("is neither held up nor ended by %s in any place", { timeout: 60_000 }, async (kind) => {
  const workspace = await damagedWorkspace();
  plant(workspace, KINDS[kind] ?? (() => undefined));
  const startedMs = performance.now();
  const before = process.memoryUsage().rss;
  const report = await workspace.doctor({ all: true });
  expect(report.problems).toBeGreaterThan(0);
  const told = report.checks.flatMap(({ findings }) => findings.map(({ path }) => path ?? ""));
  const places = STATE_FILES.map((path) => join(workspace.paths.root, path));
  const silent = places.filter((place) => !told.some((one) => `${one}/`.startsWith(`${place}/`)));
  expect(silent).toEqual(kind === "a folder" ? [join(workspace.paths.root, "tmp")] : []);
  expect(report.checks.flatMap(({ findings }) => findings.map(({ message }) => message)).join("\n")).not.toMatch(
    /TypeError|undefined|\[object/,
  );
  const fixed = await workspace.doctor({ fix: true });
  expect(fixed.repaired).toBeGreaterThan(10);
  // What is left is for the user to put right: nothing lets go of a pause or of a policy by itself.
  const left = (await workspace.doctor()).checks.filter(({ findings }) => findings.length > 0).map(({ name }) => name);
  expect(["small-files", "attributes", "settings", "policy", "claims", ...DEPENDING]).toEqual(
    expect.arrayContaining(left),
  );
  expect(process.memoryUsage().rss - before).toBeLessThan(700 * 1024 * 1024);
  expect(performance.now() - startedMs).toBeLessThan(50_000);
});

/** They look at policy.json too, or at what it says. */
const DEPENDING = ["state-folder"];

it("says what lies in place of the lock, repairs nothing then, and does not wait for it", async () => {
  const workspace = await damagedWorkspace();
  KINDS["a pipe"]?.(join(workspace.paths.root, "lock.holder-99.json"));
  const { checks, repaired } = await workspace.doctor({ fix: true }, "lock", "state-folder");
  expect(repaired).toBe(0);
  expect(checks.flatMap(({ findings }) => findings)).toMatchObject([
    { message: expect.stringMatching(/a pipe/), repair: { state: "possible" } },
    { message: expect.stringMatching(/lock\.holder-99\.json is a device, a pipe/), repair: null },
  ]);
});
