import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  asksForHelp,
  type Command,
  helpLines,
  parseInput,
  takeDirectory,
  textFlag,
  wholeNumber,
} from "../../src/cli/command.ts";
import { tempDir } from "../support/temp-dir.ts";

const COMMAND: Command = {
  name: "try",
  summary: "Try it",
  usage: "[--session <key>] [-n <count>] [--json] <task>",
  help: [],
  options: { session: { type: "string" }, n: { type: "string", short: "n" }, json: { type: "boolean" } },
  words: { min: 1, max: 2 },
  run: async () => 0,
};
const USAGE = "usage: codex-inbox try [--session <key>] [-n <count>] [--json] <task>";

describe("the arguments of a command", () => {
  it("are its flags and words, in any order", () => {
    const input = parseInput(COMMAND, ["one", "--session=docs", "-n", "5", "--json", "two"]);
    expect(input.words).toEqual(["one", "two"]);
    expect(input.flags).toEqual({ session: "docs", n: "5", json: true });
    expect(textFlag(input, "session")).toBe("docs");
    expect(textFlag(input, "json")).toBeUndefined();
    expect(wholeNumber(input, "n")).toBe(5);
    expect(wholeNumber(input, "session2")).toBeUndefined();
  });

  it("may begin with a hyphen behind --", () => {
    expect(parseInput(COMMAND, ["--", "--session", "-x"]).words).toEqual(["--session", "-x"]);
  });

  it.each([
    { argv: [], says: `<task> is missing\n${USAGE}` },
    { argv: ["1", "2", "3 4"], says: `"3 4" is one word too many; words with blanks go in quotes\n${USAGE}` },
    { argv: ["--sesion", "docs", "x"], says: `there is no option --sesion; did you mean --session?\n${USAGE}` },
    {
      argv: ["--colour", "x"],
      says: `there is no option --colour; a word that begins with a hyphen goes behind --\n${USAGE}`,
    },
    { argv: ["-x", "x"], says: `there is no option -x; a word that begins with a hyphen goes behind --\n${USAGE}` },
    { argv: ["x", "--session"], says: `--session takes a value\n${USAGE}` },
    {
      argv: ["x", "-n", "-5"],
      says: `-n takes a value; one that begins with a hyphen is given as -n<value>\n${USAGE}`,
    },
    {
      argv: ["x", "--session", "--json"],
      says: `--session takes a value; one that begins with a hyphen is given as --session=<value>\n${USAGE}`,
    },
    { argv: ["x", "--json=yes"], says: `--json takes no value\n${USAGE}` },
  ])("are refused with the usage: $argv", ({ argv, says }) => {
    expect(() => parseInput(COMMAND, argv)).toThrow(expect.objectContaining({ code: "USAGE", message: says }));
  });

  it("name the word that is missing, whatever may be left out before it", () => {
    const nested = { ...COMMAND, usage: "[-f [<file> …]] <session> <words> …", words: { min: 2, max: 9 } };
    expect(() => parseInput(nested, [])).toThrow(/^<session> is missing\n/);
    expect(() => parseInput(nested, ["docs"])).toThrow(/^<words> is missing\n/);
  });

  it.each(["", "-1", "1.5", "ten", "0x10", "1e3", "9".repeat(16)])("are no whole number: %j", (text) => {
    const input = parseInput(COMMAND, ["x", `--n=${text}`]);
    expect(() => wholeNumber(input, "n")).toThrow(
      expect.objectContaining({ code: "USAGE", message: `-n takes a whole number, not "${text}"` }),
    );
  });
});

describe("-C", () => {
  it("names a folder, once, before the command or behind it, and not behind --", () => {
    const dir = tempDir();
    writeFileSync(join(dir, "file"), "");
    const current = "/";
    expect(takeDirectory(["ls", "-C", dir, "-n", "1"], current)).toEqual({ dir, rest: ["ls", "-n", "1"] });
    const words = ["add", "--", "-C", dir];
    expect(takeDirectory(words, current)).toEqual({ dir: current, rest: words });
    expect(takeDirectory(["-C", dir, ...words], current)).toEqual({ dir, rest: words });
    for (const path of ["file", "file/below", "nowhere"])
      expect(() => takeDirectory(["-C", path, "ls"], dir)).toThrow(
        expect.objectContaining({ code: "NOT_FOUND", message: `-C: there is no folder ${join(dir, path)}` }),
      );
    for (const argv of [
      ["ls", "-C"],
      ["-C", dir, "ls", "-C", dir],
    ])
      expect(() => takeDirectory(argv, current)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});

describe("the help of a command", () => {
  it("has its flags in a column, whatever their lengths, and sentences as they are", () => {
    const help = ["-n <count>  how many", "--session <key>  the session", "It ends by itself.", ""];
    expect(helpLines({ ...COMMAND, help })).toEqual([
      "Try it",
      "",
      USAGE,
      "",
      "  -n <count>       how many",
      "  --session <key>  the session",
      "  It ends by itself.",
      "",
    ]);
  });

  it("is not asked for by a word behind --", () => {
    expect(asksForHelp(["one", "-h"])).toBe(true);
    expect(asksForHelp(["--help", "--"])).toBe(true);
    expect(asksForHelp(["--", "what does -h do", "-h"])).toBe(false);
  });
});
