import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestWorkspace } from "./workspace.ts";

/** A task for the stub that goes on until `release` and then answers "hello", in whatever run. */
export interface HeldTask {
  readonly prompt: string;
  release(): void;
}

export function heldTask({ home }: Pick<TestWorkspace, "home">): HeldTask {
  const gate = join(home, "gate");
  return {
    prompt: `[[command: until test -e ${gate}; do sleep 0.05; done]] [[final: hello]]\n`,
    release: () => writeFileSync(gate, ""),
  };
}
