import { expect, it } from "vitest";
import { cloneNameProblem, mayRunOn } from "../../../src/task/claims/runs-on.ts";

const NAMES = { name: "Build-Server", labels: ["gpu", "linux"] };

it.each([
  { runsOn: undefined, may: true },
  { runsOn: "build-server", may: true },
  { runsOn: "GPU", may: true },
  { runsOn: "linux", may: true },
  { runsOn: "build", may: false },
  { runsOn: "laptop", may: false },
])("a task that runs on $runsOn may run here: $may", ({ runsOn, may }) => expect(mayRunOn(runsOn, NAMES)).toBe(may));

it.each(["", "a b", "-x", "a/b", "x".repeat(65), "é"])("%j is no name of a clone", (text) =>
  expect(cloneNameProblem(text)).toContain("is not a name"),
);
it.each(["a", "build-server.2", "X_1"])("%j is a name of a clone", (text) =>
  expect(cloneNameProblem(text)).toBeUndefined(),
);
