import type { RunKey, RunLease, VerifyDriver } from "../../src/run/driver.ts";
import type { RunProbe } from "../../src/task/state/run.ts";
import type { VerifyFacts, VerifyRequest } from "../../src/task/state/verification.ts";
import { createFakeHandle, type FakeHandle } from "./fake-handle.ts";

/** One verification as its files and its processes would show it; it outlives the coordinator that started it. */
export interface FakeVerification {
  readonly request: VerifyRequest;
  probe: RunProbe["kind"];
  facts: VerifyFacts;
  /** Times at which its end was asked for, in order. */
  readonly stops: number[];
}

/** Verify commands that do what a test says. */
export interface FakeVerifier extends VerifyDriver {
  /** Every verification that was started, the oldest first. */
  readonly started: readonly FakeVerification[];
  /** What one does as soon as it was started; nothing by default: it goes on until the test ends it. */
  onStart: (verification: FakeVerification) => void;
  /** The one that is under way. @throws Error where it is not exactly one */
  current(): FakeVerification;
  /** Lets one print so much. */
  print(verification: FakeVerification, bytes: number): void;
  /** Lets one end like this: it passed, unless `facts` say otherwise. */
  end(verification: FakeVerification, facts?: Partial<VerifyFacts>): void;
  /** Takes its processes away without a trace. */
  vanish(verification: FakeVerification): void;
  /** As `RunStore.has`. */
  has(run: RunKey): boolean;
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
  /** They never start. */
  const sealed = new Set<string>();
  const handles = new Map<string, FakeHandle<VerifyFacts>>();
  const keyOf = ({ task, run }: RunKey): string => `${task}/${run}`;
  const handleOf = ({ request }: FakeVerification): FakeHandle<VerifyFacts> | undefined =>
    handles.get(keyOf({ task: request.taskId, run: request.run }));
  const leave = (run: FakeVerification, probe: RunProbe["kind"], facts: Partial<VerifyFacts>): void => {
    run.probe = probe;
    run.facts = { ...run.facts, ...facts };
    handleOf(run)?.exit(run.facts.exitCode);
  };
  const seal = (key: RunKey): boolean => {
    const run = runs.get(keyOf(key));
    if (run?.probe === "unclaimed") run.probe = "vanished";
    if (run === undefined) sealed.add(keyOf(key));
    return run === undefined || run.probe === "vanished";
  };
  const follow = (lease: RunLease): FakeHandle<VerifyFacts> => {
    const handle = createFakeHandle<VerifyFacts>(lease, {
      async stop(graceMs) {
        const run = runs.get(keyOf(lease));
        run?.stops.push(graceMs);
        if (run?.probe === "alive") leave(run, "ended", { begun: true, exitCode: 143, signal: "SIGTERM" });
        else if (seal(lease)) handle.exit();
      },
      outcome: async () => runs.get(keyOf(lease))?.facts ?? NOTHING,
    });
    handles.set(keyOf(lease), handle);
    const probe = runs.get(keyOf(lease))?.probe;
    if (probe === "ended" || probe === "vanished" || sealed.has(keyOf(lease))) handle.exit();
    return handle;
  };

  const fake: FakeVerifier = {
    started,
    onStart: () => undefined,
    current() {
      const [only, second] = started.filter(({ probe }) => probe === "alive");
      if (only === undefined || second !== undefined) throw new Error("there is not exactly one verification");
      return only;
    },
    print: (run, bytes) => handleOf(run)?.push({ kind: "output", bytes }),
    end: (run, facts = {}) => leave(run, "ended", { begun: true, exitCode: 0, ...facts }),
    vanish: (run) => leave(run, "vanished", {}),
    has: (key) => runs.has(keyOf(key)) || sealed.has(keyOf(key)),
    forgetListeners: () => handles.clear(),
    async start(request, isWanted) {
      const lease = { task: request.taskId, run: request.run, resume: undefined };
      if (sealed.has(keyOf(lease))) throw new Error(`${keyOf(lease)} is claimed and cannot be prepared`);
      const facts = { ...NOTHING, sandbox: request.sandbox };
      const run: FakeVerification = { request, probe: "unclaimed", facts, stops: [] };
      runs.set(keyOf(lease), run);
      if (!(await isWanted())) return undefined;
      run.probe = "alive";
      started.push(run);
      const handle = follow(lease);
      fake.onStart(run);
      return handle;
    },
    adopt: async (lease) => follow(lease),
    probe: (key) => runs.get(keyOf(key))?.probe ?? (sealed.has(keyOf(key)) ? "vanished" : "unclaimed"),
    seal,
  };
  return fake;
}
