import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import type { AgentOutcome, RunEvent, RunHandle, RunLease } from "../../src/run/driver.ts";
import { createVerifyDriver } from "../../src/run/verify/verify-driver.ts";
import { createLauncher, directLauncher, type Launcher } from "../../src/run/worker/launcher/launcher.ts";
import { findMarked } from "../../src/run/worker/processes/marker-scan.ts";
import type { VerifyFacts } from "../../src/task/state/verification.ts";
import { CONFINED } from "../support/confined.ts";
import { PLAIN_KEEPER } from "../support/kept.ts";
import { outcomeOf } from "../support/outcome-of.ts";
import { waitUntilReady } from "../support/ready-launcher.ts";
import { tempDir } from "../support/temp-dir.ts";
import { besideEach } from "../support/test-end.ts";
import { TASK_ID, testRunner } from "../support/test-runner.ts";
import { waitFor } from "../support/wait-for.ts";

type Prompt = "answers" | "hangs" | "fails";

/** One driver, and how to ask it for a run. */
interface Subject {
  /** Starts the run of this number; `isWanted` as the driver asks it. */
  start(run: number, prompt: Prompt, isWanted?: () => boolean): Promise<RunHandle<unknown> | undefined>;
  /** As another coordinator would. */
  adopt(lease: RunLease): Promise<RunHandle<unknown>>;
  probe(run: number): string;
  seal(run: number): boolean;
  processes(run: number): readonly unknown[];
  /** A hanging run has come so far that it hangs. */
  hangs(): boolean;
  /** What an outcome says, in one word. */
  wordOf(outcome: never): string;
}

/** Starts workers in the place of this process. */
const ready = createLauncher();
ready.open();
afterAll(ready.close);
await waitUntilReady(ready);

const SUBJECTS: Readonly<Record<string, () => Subject>> = {
  "codex exec": () => codexSubject(directLauncher),
  "codex exec, with a launcher": () => codexSubject(ready),
  "the verify command": () => verifySubject(directLauncher),
  "the verify command, with a launcher": () => verifySubject(ready),
};

function codexSubject(launcher: Launcher): Subject {
  const test = testRunner({ launcher });
  const prompts = { answers: "[[final: ok]]", hangs: "[[write up: x]] [[hang]]", fails: "[[fail: no]]" };
  const another = test.another();
  return {
    start: (run, prompt, isWanted = () => true) => test.driver.start(test.request(prompts[prompt], { run }), isWanted),
    adopt: (lease) => another.adopt(lease),
    probe: (run) => another.probe({ task: TASK_ID, run }),
    seal: (run) => another.seal({ task: TASK_ID, run }),
    processes: (run) => findMarked(`${test.workspaceId}/${TASK_ID}/${run}`),
    hangs: () => existsSync(join(test.workdir, "up")),
    wordOf: ({ verdict }: AgentOutcome) => verdict.outcome,
  };
}

function verifySubject(launcher: Launcher): Subject {
  const base = tempDir();
  const options = {
    launcher,
    codexPath: () => "/nowhere",
    environment: process.env,
    keeper: PLAIN_KEEPER,
    runsDir: join(base, "runs"),
  };
  const workspaceId = `contract-${process.pid}-${base.slice(-6)}`;
  const commands = { answers: "true", hangs: ": > up; while :; do sleep 0.05; done", fails: "exit 3" };
  const [driver, another] = [
    createVerifyDriver({ ...options, workspaceId }),
    createVerifyDriver({ ...options, workspaceId }),
  ];
  const task = TASK_ID;
  return {
    start: (run, prompt, isWanted = () => true) =>
      driver.start(
        {
          ...{ taskId: task, sessionKey: "docs", run, command: commands[prompt], workdir: base },
          ...{ sandbox: "none", environment: [], confinement: CONFINED },
        },
        isWanted,
      ),
    adopt: (lease) => another.adopt(lease),
    probe: (run) => another.probe({ task, run }),
    seal: (run) => another.seal({ task, run }),
    processes: (run) => findMarked(`${workspaceId}/${task}/${run}`),
    hangs: () => existsSync(join(base, "up")),
    wordOf: ({ exitCode }: VerifyFacts) =>
      exitCode === undefined ? "vanished" : exitCode === 0 ? "succeeded" : exitCode > 128 ? "interrupted" : "failed",
  };
}

async function followed(subject: Subject, handle: RunHandle<unknown>) {
  const events: RunEvent[] = [];
  const outcome = await outcomeOf(handle, (event) => events.push(event));
  return { events, word: subject.wordOf(outcome as never) };
}

function leaseOf(run: number): RunLease {
  return { task: TASK_ID, run, resume: undefined };
}

describe.each(Object.entries(SUBJECTS))("the driver of %s", (_name, make) => {
  async function started(subject: Subject, run: number, prompt: Prompt): Promise<RunHandle<unknown>> {
    const handle = await subject.start(run, prompt);
    if (handle === undefined) throw new Error("it was wanted");
    onTestFinished(() => handle.stop(0));
    return handle;
  }

  it("starts a run, tells once that it has exited, and gives its outcome, as often as it is asked", async () => {
    const subject = make();
    const handle = await started(subject, 1, "answers");
    expect(handle).toMatchObject({ lease: leaseOf(1), silentMs: 0 });
    const { events, word } = await followed(subject, handle);
    expect(events.filter(({ kind }) => kind === "exited")).toEqual([{ kind: "exited", exitCode: 0 }]);
    expect(word).toBe("succeeded");
    expect(subject.wordOf((await handle.outcome()) as never)).toBe("succeeded");
    expect(subject.probe(1)).toBe("ended");
  });

  it("tells that a run has failed", async () => {
    const subject = make();
    const { events, word } = await followed(subject, await started(subject, 1, "fails"));
    expect(events.find(({ kind }) => kind === "exited")).not.toMatchObject({ exitCode: 0 });
    expect(word).toBe("failed");
  });

  it("starts nothing that is not wanted, and may be asked again", async () => {
    const subject = make();
    let asked = 0;
    const refused = await subject.start(1, "answers", () => {
      asked += 1;
      expect(subject.probe(1)).toBe("unclaimed");
      return false;
    });
    expect([refused, asked, subject.probe(1)]).toEqual([undefined, 1, "unclaimed"]);
    expect((await followed(subject, await started(subject, 1, "answers"))).word).toBe("succeeded");
  });

  it("starts nothing where the start could not be journaled", async () => {
    const subject = make();
    const start = subject.start(1, "answers", () => {
      throw new Error("the disk is full");
    });
    await expect(start).rejects.toThrow("the disk is full");
    expect(subject.probe(1)).toBe("unclaimed");
  });

  it("stops a run with all that it started", async () => {
    const subject = make();
    const handle = await started(subject, 1, "hangs");
    const following = followed(subject, handle);
    await waitFor(subject.hangs, { what: "the run to hang" });
    await handle.stop(2_000);
    expect(subject.processes(1)).toEqual([]);
    expect((await following).word).toBe("interrupted");
  });

  it("lets go of a run without ending it, and another coordinator takes it over and stops it", async () => {
    const subject = make();
    const first = await started(subject, 1, "hangs");
    const following = (async () => {
      const events: RunEvent[] = [];
      for await (const event of first.events()) events.push(event);
      return events;
    })();
    await waitFor(subject.hangs, { what: "the run to hang" });
    first.detach();
    expect((await following).some(({ kind }) => kind === "exited")).toBe(false);
    expect(subject.probe(1)).toBe("alive");

    const second = await subject.adopt(leaseOf(1));
    const taken = followed(subject, second);
    await second.stop(2_000);
    expect((await taken).word).toBe("interrupted");
  });

  it("takes over a run that ended meanwhile: nothing of it is lost", async () => {
    const subject = make();
    const first = await started(subject, 1, "answers");
    first.detach();
    await waitFor(() => subject.probe(1) === "ended", { what: "the end" });
    const { events, word } = await followed(subject, await subject.adopt(leaseOf(1)));
    expect(word).toBe("succeeded");
    for (const event of events) if ("isOld" in event) expect(event.isOld).toBe(true);
  });

  it("never starts a run that was sealed, and says that it never began", async () => {
    const subject = make();
    expect(subject.seal(1)).toBe(true);
    await expect(subject.start(1, "answers")).rejects.toThrow(/claimed/);
    expect((await followed(subject, await subject.adopt(leaseOf(1)))).word).toBe("vanished");
    expect(subject.probe(1)).toBe("vanished");
  });

  it("seals a run that was never started when it is stopped", async () => {
    const subject = make();
    expect(await subject.start(1, "answers", () => false)).toBeUndefined();
    const handle = await subject.adopt(leaseOf(1));
    const following = followed(subject, handle);
    await handle.stop(0);
    expect((await following).word).toBe("vanished");
    expect(subject.seal(1)).toBe(true);
  });
});

describe("a run whose worker never came to life", () => {
  it.concurrent.for(Object.entries(SUBJECTS))(
    "is given up by the driver of %s",
    { timeout: 15_000 },
    besideEach(async ([_name, make]) => {
      const subject = make();
      expect(await subject.start(1, "answers", () => false)).toBeUndefined();
      const { word } = await followed(subject, await subject.adopt(leaseOf(1)));
      expect(word).toBe("vanished");
      expect(subject.seal(1)).toBe(true);
    }),
  );
});
