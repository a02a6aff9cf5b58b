import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openShell } from "../../src/cli/shell.ts";
import { tempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

it("the user's shell runs in the folder, an interrupt is its own, and one that cannot be started is said", async () => {
  const dir = tempDir();
  const shell = join(dir, "shell");
  writeFileSync(shell, '#!/bin/sh\nkill -INT "$PPID"\npwd > where.txt\n');
  chmodSync(shell, 0o755);
  const before = process.listenerCount("SIGINT");
  openShell(dir, { PATH: process.env.PATH, SHELL: shell });
  expect(readFileSync(join(dir, "where.txt"), "utf8")).toBe(`${dir}\n`);
  await waitFor(() => process.listenerCount("SIGINT") === before, { what: "interrupts to be ours again" });
  expect(() => openShell(dir, { SHELL: join(dir, "none") })).toThrow(/^cannot start .*none: .*; set SHELL$/);
});
