import { describe, expect, it } from "vitest";
import { createInitCommand } from "../../../src/cli/commands/init.ts";
import { createServeCommand } from "../../../src/cli/commands/serve.ts";
import { createFakeCliDeps, runCommand } from "../../fakes/fake-cli-deps.ts";

describe("serve", () => {
  it("hands its flags on, and ends with the exit code of the coordinator", async () => {
    const deps = createFakeCliDeps();
    deps.exitCode = 75;
    const numbers = ["--port", "0", "--max-open-tasks", "50", "--max-workers", "4", "--settle-ms", "10"];
    const codex = ["--codex", "/bin/codex", "--codex-config", "a=1", "--codex-config", "b=2", "--oss"];
    expect(await runCommand(createServeCommand(deps), ...numbers, ...codex, "--until-idle", "--take-over")).toBe(75);
    expect(deps.served).toEqual([
      {
        config: { port: 0, maxWorkers: 4, maxOpenTasks: 50, settleMs: 10 },
        ...{ untilIdle: true, takeOver: true, codexPath: "/bin/codex", codexConfig: ["a=1", "b=2"], oss: true },
      },
    ]);
  });

  it("leaves what is not given to the settings", async () => {
    const deps = createFakeCliDeps();
    expect(await runCommand(createServeCommand(deps))).toBe(0);
    expect(deps.served).toEqual([
      {
        config: { port: undefined, maxWorkers: undefined, maxOpenTasks: undefined, settleMs: undefined },
        ...{ untilIdle: false, takeOver: false, codexPath: undefined, codexConfig: [], oss: false },
      },
    ]);
  });

  it("refuses words and numbers that are none", async () => {
    const command = createServeCommand(createFakeCliDeps());
    for (const argv of [["now"], ["--port", "http"], ["--max-workers", "-1"]])
      await expect(runCommand(command, ...argv)).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("init", () => {
  it("hands its flags on and prints what was done", async () => {
    const deps = createFakeCliDeps();
    expect(await runCommand(createInitCommand(deps), "--branch", "inbox", "--dir", "../x")).toBe(0);
    expect(await runCommand(createInitCommand(deps))).toBe(0);
    expect(deps.initialized).toEqual([
      { branch: "inbox", dir: "../x" },
      { branch: undefined, dir: undefined },
    ]);
    expect(deps.printed).toEqual(["Made it.", "Made it."]);
  });
});
