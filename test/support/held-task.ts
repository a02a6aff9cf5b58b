import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestWorkspace } from "./workspace.ts";

/** A task for the stub that goes on until `release` and then answers "hello", in whatever run. */
export interface HeldTask {
  readonly prompt: string;
  release(): void;
}

/** @param gateName stands in the prompt; each such task of a workspace has its own */
export function heldTask({ home }: Pick<TestWorkspace, "home">, gateName = "gate"): HeldTask {
  const gate = join(home, gateName);
  return {
    prompt: `[[command: until test -e ${gate}; do sleep 0.05; done]] [[final: hello]]\n`,
    release: () => writeFileSync(gate, ""),
  };
}
