import type { VerifierPort } from "../../src/run/ports.ts";
import type { RunProbe } from "../../src/task/state/run.ts";
import type { VerifyFacts, VerifyRequest } from "../../src/task/state/verification.ts";

/** One verification as its folder and its processes would show it; it outlives the coordinator that started it. */
export interface FakeVerification {
  readonly request: VerifyRequest;
  probe: RunProbe["kind"];
  facts: VerifyFacts;
  /** Times at which its end was asked for, in order. */
  readonly stops: number[];
  printed: number;
}

/** Verify commands that do what a test says. */
export interface FakeVerifier extends VerifierPort {
  /** Every verification that was started, the oldest first. */
  readonly started: readonly FakeVerification[];
  /** What one does as soon as it was started; nothing by default: it goes on until the test ends it. */
  onStart: (verification: FakeVerification) => void;
  /** The one that is under way. @throws Error where it is not exactly one */
  current(): FakeVerification;
  /** Lets one end like this: it passed, unless `facts` say otherwise. */
  end(verification: FakeVerification, facts?: Partial<VerifyFacts>): void;
  /** Takes its processes away without a trace. */
  vanish(verification: FakeVerification): void;
  forgetListeners(): void;
}

/** What the files of a run say that was never prepared. */
const NOTHING: VerifyFacts = {
  ...{ exitCode: undefined, signal: undefined, startedAtMs: undefined, endedAtMs: undefined },
  ...{ sandbox: "none", begun: false, output: "", outputBytes: 0, said: "" },
};

export function createFakeVerifier(): FakeVerifier {
  const runs = new Map<string, FakeVerification>();
  const started: FakeVerification[] = [];
  /** Ended before they were prepared: they never start. */
  const sealed = new Set<string>();
  const listeners = new Map<string, () => void>();
  const find = (runDir: string): FakeVerification => {
    const run = runs.get(runDir);
    if (run === undefined) throw new Error(`${runDir} was not prepared`);
    return run;
  };
  const leave = (run: FakeVerification, probe: RunProbe["kind"], facts: Partial<VerifyFacts>): void => {
    run.probe = probe;
    run.facts = { ...run.facts, ...facts };
    listeners.get(run.request.runDir)?.();
  };
  const fake: FakeVerifier = {
    started,
    onStart: () => undefined,
    current() {
      const [only, second] = started.filter(({ probe }) => probe === "alive");
      if (only === undefined || second !== undefined) throw new Error("there is not exactly one verification");
      return only;
    },
    end: (run, facts = {}) => leave(run, "ended", { begun: true, exitCode: 0, ...facts }),
    vanish: (run) => leave(run, "vanished", {}),
    forgetListeners: () => listeners.clear(),
    prepare(request) {
      if (sealed.has(request.runDir)) throw new Error(`${request.runDir} is claimed and cannot be prepared`);
      const facts = { ...NOTHING, sandbox: request.sandbox };
      runs.set(request.runDir, { request, probe: "unclaimed", facts, stops: [], printed: 0 });
    },
    start({ runDir }, onExit) {
      const run = find(runDir);
      listeners.set(runDir, onExit);
      if (run.probe !== "unclaimed") return 1;
      run.probe = "alive";
      started.push(run);
      fake.onStart(run);
      return 1;
    },
    probe(runDir) {
      const kind = runs.get(runDir)?.probe ?? (sealed.has(runDir) ? "vanished" : "unclaimed");
      if (kind === "alive") return { kind, pids: [1] };
      return kind === "ended" ? { kind, exitCode: 0 } : { kind };
    },
    seal(runDir) {
      const run = runs.get(runDir);
      if (run?.probe === "unclaimed") run.probe = "vanished";
      return run === undefined || run.probe === "vanished";
    },
    outputBytes: (runDir) => find(runDir).printed,
    read: (runDir) => runs.get(runDir)?.facts ?? NOTHING,
    async stop(runDir, graceMs) {
      const run = runs.get(runDir);
      if (run === undefined) {
        sealed.add(runDir);
        return;
      }
      run.stops.push(graceMs);
      if (run.probe === "unclaimed") run.probe = "vanished";
      else if (run.probe === "alive") leave(run, "ended", { begun: true, exitCode: 143, signal: "SIGTERM" });
    },
  };
  return fake;
}
