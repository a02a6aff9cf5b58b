import { execFile } from "node:child_process";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { openTerminal, type Terminal } from "../../src/cli/terminal.ts";

function openTestTerminal(): { readonly terminal: Terminal; readonly out: () => string; readonly err: () => string } {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const read = (stream: PassThrough) => (): string => String(stream.read() ?? "");
  return { terminal: openTerminal({ stdout, stderr }), out: read(stdout), err: read(stderr) };
}

it("prints a line as one line, whatever stands in it", () => {
  const { terminal, out } = openTestTerminal();
  terminal.print("k3f9x2  queued  x\nm4g0y3  succeeded  \u001b[32mall well");
  expect(out()).toBe("k3f9x2  queued  x\\u000am4g0y3  succeeded  \\u001b[32mall well\n");
});

it("prints text with its line breaks, and JSON that stays JSON", () => {
  const { terminal, out } = openTestTerminal();
  const task = { title: "a\u009b2J\u202eb\u001b", lines: "1\n2" };
  terminal.printText(JSON.stringify(task, null, 2));
  const text = out();
  expect(text).not.toMatch(/[^\n\P{Cc}]|\u202e/u);
  expect(text.split("\n").length).toBeGreaterThan(3);
  expect(JSON.parse(text)).toEqual(task);
});

/** What a terminal of 100 columns is sent, or a program. */
function sent(isTTY: boolean, environment: NodeJS.ProcessEnv, use: (terminal: Terminal) => void): string {
  const stdout = Object.assign(new PassThrough(), { isTTY, columns: 100 });
  use(openTerminal({ stdout, stderr: new PassThrough() }, environment));
  return String(stdout.read() ?? "");
}

it("sets parts of a line off on a terminal that shows colours, and nowhere else; what stands in them only shows", () => {
  const put = ({ printStyled }: Terminal): void =>
    printStyled([{ text: "failed", style: "red" }, { text: " a\u001b[2J" }]);
  expect(sent(true, {}, put)).toBe("\u001b[31mfailed\u001b[0m a\\u001b[2J\n");
  for (const environment of [{ NO_COLOR: "1" }, { TERM: "dumb" }])
    expect(sent(true, environment, put)).toBe("failed a\\u001b[2J\n");
  expect(sent(false, {}, put)).toBe("failed a\\u001b[2J\n");
});

it("gives data as it is to programs, and its width away on a terminal, where data only shows", () => {
  const put = ({ printData, columns }: Terminal): void => printData(`${columns} \u001b[2J`);
  expect(sent(true, {}, put)).toBe("100 \\u001b[2J\n");
  expect(sent(false, {}, put)).toBe("undefined \u001b[2J\n");
  expect(sent(false, {}, ({ printData }) => printData("+ends with its own\n"))).toBe("+ends with its own\n");
});

it("says what is wrong, and logs an event on one line, to standard error", async () => {
  const { terminal, out, err } = openTestTerminal();
  terminal.warn("no file \u001b]0;x\u0007");
  expect(err()).toBe("no file \\u001b]0;x\\u0007\n");
  terminal.log("git", { notice: "a\u009b\u202e\nb", task: "k3f9x2", missing: undefined });
  await nextTurn();
  expect(err().slice(25)).toBe('git notice="a\\u009b\\u202e\\nb" task=k3f9x2\n');
  expect(out()).toBe("");
});

it("writes the events of one turn of the event loop together, and before all that is said after them", async () => {
  const { terminal, err } = openTestTerminal();
  for (const event of ["one", "two"]) terminal.log(event, {});
  expect(err()).toBe("");
  terminal.warn("three");
  terminal.log("four", {});
  await nextTurn();
  const words = err().replaceAll(/^\S+Z /gm, "");
  expect(words).toBe("one\ntwo\nthree\nfour\n");
  const path = JSON.stringify(join(import.meta.dirname, "../../src/cli/terminal.ts"));
  const program = `import { openTerminal } from ${path}; openTerminal().log("last", {}); process.exit(3);`;
  const ended = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]).catch(
    (error) => error,
  );
  expect([ended.code, ended.stderr.slice(25)]).toEqual([3, "last\n"]);
});

it("outlives whoever reads what it prints", () => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  openTerminal({ stdout, stderr });
  expect(() => stdout.emit("error", Object.assign(new Error("gone"), { code: "EPIPE" }))).not.toThrow();
  expect(() => stdout.emit("error", Object.assign(new Error("disk"), { code: "ENOSPC" }))).toThrow("disk");
  expect(() => stderr.emit("error", Object.assign(new Error("disk"), { code: "ENOSPC" }))).not.toThrow();
});

it("says in a sentence that its output cannot be written, and goes on where only its log cannot", () => {
  const fail = (): never => {
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  };
  const broken = Object.assign(new PassThrough(), { write: fail });
  const terminal = openTerminal({ stdout: broken, stderr: broken });
  expect(() => terminal.print("x")).toThrow(
    expect.objectContaining({
      code: "TRY_AGAIN",
      message: "the output cannot be written: ENOSPC: no space left on device, write",
    }),
  );
  expect(() => terminal.log("ended", {})).not.toThrow();
  expect(() => terminal.warn("codex-inbox: what is wrong")).not.toThrow();
});

it.each(["setTimeout(fail)", "Promise.resolve().then(fail)"])(
  "shows an error that nobody has caught, and ends as for a bug: %s",
  async (start) => {
    const terminalPath = join(import.meta.dirname, "../../src/cli/terminal.ts");
    const program = `
      import { endWithUncaught, openTerminal } from ${JSON.stringify(terminalPath)};
      endWithUncaught(openTerminal());
      const fail = () => { throw new Error("watch 'a\\u001b]0;x\\u0007\\n2026-11-21T00:00:00.000Z accepted task=b'"); };
      ${start};
      setTimeout(() => undefined, 60_000);
    `;
    const args = ["--input-type=module", "--eval", program];
    const { code, stderr } = await promisify(execFile)(process.execPath, args).catch((error) => error);
    expect(code).toBe(70);
    expect(stderr).toMatch(/^codex-inbox: Error: watch 'a\\u001b\]0;x\\u0007\n {4}2026-11-21T00:00:00\.000Z accepted/);
  },
);
