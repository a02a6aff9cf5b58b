import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "./temp-dir.ts";
import { onTestFinished } from "./test-end.ts";
import { waitFor } from "./wait-for.ts";

/** A command of the user's, in a process that does not descend from this one (else it would count as ours). */
export interface OtherProcess {
  /** Lets a command that calls `$HOLD` (as editor or pager) go on. */
  release(): void;
  /** Resolves once `$HOLD` runs. */
  held(): Promise<void>;
  /** Resolves with the exit status and everything that was printed. */
  ended(): Promise<{ readonly status: number; readonly output: string }>;
}

/**
 * Starts `command` (a line of sh) in `directory`. `$HOLD` is a program that waits for `release`; as the editor of a
 * commit it then writes a message.
 */
export function startOther(
  directory: string,
  command: string,
  environment: Readonly<Record<string, string>> = {},
): OtherProcess {
  const notes = tempDir();
  const [held, go, status, output] = ["held", "go", "status", "output"].map((name) => join(notes, name)) as [
    string,
    string,
    string,
    string,
  ];
  const hold = join(notes, "hold");
  const wait = `touch ${held}\nwhile [ ! -e ${go} ]; do sleep 0.02; done\n`;
  writeFileSync(hold, `#!/bin/sh\n${wait}case "$1" in *MSG) echo "user's message" > "$1";; esac\nexit 0\n`, {
    mode: 0o755,
  });
  const script = `(${command}) > ${output} 2>&1 < /dev/null; echo $? > ${status}.new; mv ${status}.new ${status}`;
  // The shell that starts it in the background ends at once, so that its parent is init.
  const env = { ...process.env, HOLD: hold, ...environment };
  const started = spawnSync("sh", ["-c", `{ ${script}; } &`], { cwd: directory, env, stdio: "ignore" });
  if (started.status !== 0) throw new Error("sh cannot be run");
  const end = async () => {
    await waitFor(() => existsSync(status), { what: `"${command}" to end`, timeoutMs: 20_000 });
    return { status: Number(readFileSync(status, "utf8")), output: readFileSync(output, "utf8") };
  };
  onTestFinished(async () => {
    writeFileSync(go, "");
    await end();
  });
  return {
    release: () => writeFileSync(go, ""),
    held: async () => void (await waitFor(() => existsSync(held), { what: `"${command}" to reach $HOLD` })),
    ended: end,
  };
}
