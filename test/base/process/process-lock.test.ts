import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ownIdentity, readPidNamespace } from "../../../src/base/process/process-identity.ts";
import { findHolder, type HeldLock, type LockHolder, takeLock } from "../../../src/base/process/process-lock.ts";
import { type LineProcess, startLineProcess } from "../../support/line-process.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

const NAME = "coordinator";
/** proper-lockfile alone would let the next one in after ten seconds at the earliest; two processes start in well under one. */
const BELOW_STALE_MS = 8_000;

function startTaker(dir: string): LineProcess {
  return startLineProcess("lock-process.ts", { args: [dir] });
}

function take(dir: string): Promise<HeldLock> {
  return takeLock({
    dir,
    name: NAME,
    onLost: (error) => {
      throw error;
    },
    describeHolder: ({ pid }) => `process ${pid} has it`,
  });
}

/** Puts a holder into `dir` that this machine cannot ask, with a last sign of life so many milliseconds ago. */
function putHolder(dir: string, changes: Readonly<Record<string, unknown>>, silentMs: number): void {
  const startedAt = new Date().toISOString();
  const holder = { ...ownIdentity(), pidNamespace: readPidNamespace(), startedAt, ...changes };
  writeFileSync(join(dir, `${NAME}.holder-4.json`), JSON.stringify(holder));
  mkdirSync(join(dir, NAME));
  const lastSign = new Date(Date.now() - silentMs);
  utimesSync(join(dir, NAME), lastSign, lastSign);
}

it("lets one process in and tells the second one who is there", async () => {
  const dir = tempDir();
  const [first, second] = [startTaker(dir), startTaker(dir)];
  expect(await first.ask("take")).toBe("held");
  expect(await second.ask("take")).toBe(`CoordinatorError: process ${first.pid} has it`);
  expect((await findHolder(dir, NAME))?.pid).toBe(first.pid);
});

it("is free again once it is released", async () => {
  const dir = tempDir();
  const [first, second] = [startTaker(dir), startTaker(dir)];
  await first.ask("take");
  await first.ask("release");
  expect(await findHolder(dir, NAME)).toBeUndefined();
  expect(await second.ask("take")).toBe("held");
});

it("refuses the process that holds it already", async () => {
  const dir = tempDir();
  const lock = await take(dir);
  await expect(take(dir)).rejects.toMatchObject({ code: "REFUSED", message: `process ${process.pid} has it` });
  await lock.release();
});

it("may be released twice", async () => {
  const dir = tempDir();
  const lock = await take(dir);
  await lock.release();
  await lock.release();
  const next = await take(dir);
  await lock.release();
  expect((await findHolder(dir, NAME))?.pid).toBe(process.pid);
  await next.release();
});

it("holds two locks of one folder apart", async () => {
  const dir = tempDir();
  const one = await take(dir);
  const other = await takeLock({ dir, name: "other", onLost: () => undefined, describeHolder: () => "taken" });
  await one.release();
  expect(statSync(join(dir, "other")).isDirectory()).toBe(true);
  expect((await findHolder(dir, "other"))?.pid).toBe(process.pid);
  await other.release();
});

it("is taken at once after its holder was killed", { timeout: BELOW_STALE_MS }, async () => {
  const dir = tempDir();
  const [first, second] = [startTaker(dir), startTaker(dir)];
  await first.ask("take");
  await first.kill();
  expect(await findHolder(dir, NAME)).toBeUndefined();
  expect(await second.ask("take")).toBe("held");
});

it("stays with a holder that is stopped, however long", async () => {
  const dir = tempDir();
  const [first, second] = [startTaker(dir), startTaker(dir)];
  await first.ask("take");
  process.kill(first.pid, "SIGSTOP");
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(join(dir, NAME), longAgo, longAgo);
  expect(await second.ask("take")).toBe(`CoordinatorError: process ${first.pid} has it`);
});

it.each([
  { name: "a process id that another process has now", changes: { startTicks: "1" }, silentMs: 0, free: true },
  { name: "another boot, silent for long", changes: { bootId: "x" }, silentMs: 60_000, free: true },
  { name: "another machine that gave a sign of life", changes: { bootId: "x" }, silentMs: 1_000, free: false },
  { name: "a container that gave a sign of life", changes: { pidNamespace: "pid:[1]" }, silentMs: 1_000, free: false },
  { name: "a container, silent for long", changes: { pidNamespace: "pid:[1]" }, silentMs: 60_000, free: true },
  { name: "nobody we understand", changes: { pid: null }, silentMs: 0, free: true },
])("a lock held by $name: free is $free", async ({ changes, silentMs, free }) => {
  const dir = tempDir();
  putHolder(dir, changes, silentMs);
  expect((await findHolder(dir, NAME)) === undefined).toBe(free);
  if (!free) return await expect(take(dir)).rejects.toMatchObject({ code: "REFUSED" });
  await (await take(dir)).release();
});

describe("a holder in another container of this machine", () => {
  /** A holder with process ids of its own: all that a container is to a lock. */
  const startContained = (dir: string): LineProcess =>
    startLineProcess("lock-process.ts", {
      args: [dir],
      wrap: ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"],
    });

  it("is known to be gone at once, although it gave a sign of life a moment ago", {
    timeout: BELOW_STALE_MS,
  }, async () => {
    const dir = tempDir();
    const contained = startContained(dir);
    expect(await contained.ask("take")).toBe("held");
    expect((await findHolder(dir, NAME))?.pidNamespace).not.toBe(readPidNamespace());
    await contained.kill();
    await waitFor(async () => ((await findHolder(dir, NAME)) === undefined ? true : undefined), {
      what: "the end of the container's process",
    });
    await (await take(dir)).release();
    expect(readdirSync(dir)).toEqual([`${NAME}.holder-2.json`]);
  });

  it("keeps the lock as long as it lives, also where it was silent for long", async () => {
    const dir = tempDir();
    const contained = startContained(dir);
    expect(await contained.ask("take")).toBe("held");
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(join(dir, NAME), longAgo, longAgo);
    await expect(take(dir)).rejects.toMatchObject({ code: "REFUSED" });
    expect(await contained.ask("release")).toBe("released");
    await (await take(dir)).release();
  });

  it("goes by signs of life where the folder is mounted elsewhere, or its socket is gone", async () => {
    const dir = tempDir();
    putHolder(dir, { pidNamespace: "pid:[1]", lifeLine: "../escape", device: "1" }, 1_000);
    await expect(take(dir)).rejects.toMatchObject({ code: "REFUSED" });
    const other = tempDir();
    const device = String(statSync(other).dev);
    putHolder(other, { pidNamespace: "pid:[1]", lifeLine: ".gone", device }, 1_000);
    await expect(take(other)).rejects.toMatchObject({ code: "REFUSED" });
  });
});

describe("the next sign of life, which is due after five seconds", () => {
  /** Takes the lock on a clock of the test's own, and tells what was lost. */
  async function takeAndWait() {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const [dir, lost] = [join(tempDir(), "state"), [] as string[]];
    mkdirSync(dir);
    const describeHolder = ({ pid }: LockHolder): string => `process ${pid} has it`;
    const held = await takeLock({ dir, name: NAME, onLost: ({ message }) => lost.push(message), describeHolder });
    onTestFinished(() => held.release());
    const passTime = async (): Promise<void> => {
      vi.advanceTimersByTime(5_000);
      const isReading = (): boolean => process.getActiveResourcesInfo().some((name) => name.startsWith("FSReq"));
      await waitFor(() => !isReading(), { what: "the look at the lock" });
    };
    return { dir, lost, held, passTime, sign: () => statSync(join(dir, NAME), { throwIfNoEntry: false }) };
  }

  it("tells the holder when its lock was taken away, and lets it release what is left", async () => {
    const { dir, lost, held, passTime } = await takeAndWait();
    rmSync(join(dir, NAME), { recursive: true });
    expect(lost).toEqual([]);
    await passTime();
    expect(lost).toHaveLength(1);
    await held.release();
    expect(await findHolder(dir, NAME)).toBeUndefined();
  });

  it("is missed by a folder that is away: the lock is held still once it is back, and gives signs", async () => {
    const { dir, lost, passTime, sign } = await takeAndWait();
    renameSync(dir, `${dir}-away`);
    await passTime();
    expect(existsSync(dir)).toBe(false);
    utimesSync(join(`${dir}-away`, NAME), 1, 1);
    renameSync(`${dir}-away`, dir);
    await waitFor(() => (sign()?.mtimeMs ?? 0) > 1_000, { what: "a lock that gives signs anew" });
    await expect(take(dir)).rejects.toThrow(`process ${process.pid} has it`);
    expect(lost).toEqual([]);
  });

  it("is missed by a folder that is away and comes back with another holder: the lock is lost", async () => {
    const { dir, lost, passTime } = await takeAndWait();
    renameSync(dir, `${dir}-away`);
    await passTime();
    expect(lost).toEqual([]);
    const last = readdirSync(`${dir}-away`).find((name) => name.includes(".holder-")) ?? "";
    writeFileSync(join(`${dir}-away`, last), JSON.stringify({ free: "by another" }));
    renameSync(`${dir}-away`, dir);
    await waitFor(() => lost.length === 1, { what: "the loss" });
  });
});

it("leaves one small file behind, however often it is taken", async () => {
  const dir = tempDir();
  for (let round = 0; round < 20; round += 1) await (await take(dir)).release();
  expect(readdirSync(dir)).toEqual([`${NAME}.holder-39.json`]);
  expect(readFileSync(join(dir, `${NAME}.holder-39.json`), "utf8")).toContain('"free"');
});

it("lets exactly one of several starters in, whatever the holder before left behind", { timeout: 60_000 }, async () => {
  const dir = tempDir();
  const takers = Array.from({ length: 4 }, () => startTaker(dir));
  await Promise.all(takers.map((taker) => taker.ask("release"))); // They are up.
  for (let round = 0; round < 32; round += 1) {
    const at = Date.now() + 5;
    const answers = await Promise.all(takers.map((taker) => taker.ask(`take at ${at}`)));
    const winners = takers.filter((_, index) => answers[index] === "held");
    const [winner] = winners;
    expect(answers.map((answer) => answer.replace(/.*(process \d+ has it)$/, "$1")).sort()).toEqual(
      ["held", ...Array.from({ length: 3 }, () => `process ${winner?.pid} has it`)].sort(),
    );
    if (winner === undefined) throw new Error("nobody won");
    // In turn: killed; killed long ago, so that proper-lockfile would remove what is left; gone with its exit handlers run; released.
    if (round % 4 === 3) {
      await winner.ask("release");
      continue;
    }
    await (round % 4 === 2 ? winner.end() : winner.kill());
    if (round % 4 === 1) utimesSync(join(dir, NAME), 1, 1);
    const next = startTaker(dir);
    await next.ask("release");
    takers[takers.indexOf(winner)] = next;
  }
});
