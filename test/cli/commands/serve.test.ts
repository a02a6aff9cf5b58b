import { resolve } from "node:path";
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
        ...{ hasPort: true, socket: false },
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
        ...{ hasPort: true, socket: false },
      },
    ]);
  });

  it.each([
    { argv: ["--socket"], asked: { hasPort: true, socket: true } },
    { argv: ["--port", "off", "--socket"], asked: { hasPort: false, socket: true } },
    { argv: ["--socket-path", "/run/x/socket"], asked: { hasPort: true, socket: "/run/x/socket" } },
    { argv: ["--socket-path", "socket"], asked: { hasPort: true, socket: resolve("socket") } },
  ])("says where to listen: $argv", async ({ argv, asked }) => {
    const deps = createFakeCliDeps();
    expect(await runCommand(createServeCommand(deps), ...argv)).toBe(0);
    expect(deps.served).toMatchObject([{ ...asked, config: { port: undefined } }]);
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
    expect(await runCommand(createInitCommand(deps), "--branch", "inbox", "--dir", "../x", "--another")).toBe(0);
    expect(await runCommand(createInitCommand(deps))).toBe(0);
    expect(deps.initialized).toEqual([
      { branch: "inbox", dir: "../x", another: true },
      { branch: undefined, dir: undefined, another: false },
    ]);
    expect(deps.printed).toEqual(["Made it.", "Made it."]);
  });
});
