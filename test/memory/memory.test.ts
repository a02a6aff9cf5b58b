import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemory, type Memory, type MemoryResult } from "../../src/memory/memory.ts";
import { LINES_MAX } from "../../src/task/notes/memory-rank.ts";
import { searchPlainly } from "../support/plain-search.ts";
import { bothSearchTools, placesOf } from "../support/search-tools.ts";
import { tempDir } from "../support/temp-dir.ts";

type Content = string | Buffer;

/** A busy machine may take its time: what is searched here is small. */
const LIMITS = { charactersMax: 4_000, timeMs: 60_000 };
const TOOLS = bothSearchTools();

function makeWorkspace(files: Readonly<Record<string, Content>>): string {
  const dir = tempDir();
  for (const [path, content] of Object.entries(files)) put(dir, Buffer.from(path), content);
  return dir;
}

function put(dir: string, path: Buffer, content: Content): void {
  mkdirSync(join(dir, dirname(path.toString())), { recursive: true });
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), path]), content);
}

/** A memory for each tool, which knows of no other. */
function memories(workspaceDir: string): readonly (readonly [name: string, memory: Memory])[] {
  return TOOLS.map((tool) => [tool.name, createMemory({ workspaceDir, ...placesOf(tool, tempDir()) })]);
}

/** Searches with both tools, and returns the lines as text. @throws Error where the two differ */
async function search(
  dir: string,
  terms: readonly string[],
  limits: Partial<typeof LIMITS> = {},
): Promise<readonly string[]> {
  const results: MemoryResult[] = [];
  for (const [name, memory] of memories(dir)) {
    const result = await memory.search(terms, { ...LIMITS, ...limits });
    expect([name, "none"]).toContain(result.tool);
    results.push(result);
  }
  const [first, second] = results.map(({ tool: _, ...rest }) => rest);
  expect(second).toEqual(first);
  return first === undefined || first.text === "" ? [] : first.text.split("\n");
}

describe("a memory", () => {
  it("finds lines by their terms, the best first", async () => {
    const dir = makeWorkspace({
      "MEMORY.md": "# Memory\n\n- The login lives in `src/login.ts`.\n- Dates are UTC.\n",
      "memory/auth.md": "Login and LOGOUT.\n\n\tA redirect after the login\u00a0keeps its query.\r\n",
      "memory/deep/er/note.MD": "redirects, in general",
      "README.md": "login redirect",
      "memory.md": "login redirect",
    });
    expect(await search(dir, ["login", "redirect"])).toEqual([
      "memory/auth.md:3 A redirect after the login keeps its query.",
      "memory/deep/er/note.MD:1 redirects, in general",
      "MEMORY.md:3 - The login lives in `src/login.ts`.",
      "memory/auth.md:1 Login and LOGOUT.",
    ]);
  });

  it("tells what it found, and with which terms", async () => {
    const dir = makeWorkspace({ "MEMORY.md": "The Login redirects.\n" });
    for (const [tool, memory] of memories(dir)) {
      expect(await memory.search(["redirect", "nothing", "login"], LIMITS)).toEqual({
        lines: [{ path: "MEMORY.md", line: 1, text: "The Login redirects.", terms: ["redirect", "login"] }],
        text: "MEMORY.md:1 The Login redirects.",
        tool,
        truncated: false,
      });
    }
  });

  it("searches literally: no term is a pattern or an option", async () => {
    const dir = makeWorkspace({
      "MEMORY.md": "a.b\naxb\n-e and --files\n[x\nback\\slash\n$(touch made)\n^start\n*.md\n",
      "memory/-e.md": "a.b\n",
      "memory/--help.md": "a.b\n",
    });
    expect(await search(dir, ["a.b"])).toEqual(["MEMORY.md:1 a.b"]);
    expect(await search(dir, ["-e"])).toEqual(["MEMORY.md:3 -e and --files"]);
    expect(await search(dir, ["--files", "[x", "back\\slash", "$(touch made)", "^start", "*.md"])).toHaveLength(6);
    expect(await search(dir, ["--help", "--version", "--pre=sh", "-r", "/etc/passwd"])).toEqual([]);
  });

  it("finds other letters than English ones in every usual spelling, with both tools", async () => {
    const dir = makeWorkspace({
      "MEMORY.md": "Größe\nGRÖSSE\ngröße\nGro\u0308ße\nПривет\nПРИВЕТ\n日本語の文\n\u212aelvin\nlong ſ\n",
    });
    expect(await search(dir, ["GRÖßE"])).toEqual([1, 2, 3, 4].map((n) => expect.stringMatching(`^MEMORY.md:${n} `)));
    expect(await search(dir, ["привет", "日本"])).toHaveLength(3);
    expect(await search(dir, ["kelvin", "longs"])).toEqual([]);
  });

  it("looks at no hidden file, no README, no other type, and minds no .gitignore", async () => {
    const dir = makeWorkspace({
      ".gitignore": "*\n",
      ".ignore": "*\n",
      ".rgignore": "*\n",
      "memory/.gitignore": "*\n",
      "memory/a.md": "login",
      "memory/.hidden.md": "login hidden",
      "memory/.folder/b.md": "login hidden folder",
      "memory/README.md": "login readme",
      "memory/sub/Readme.md": "login readme too",
      "memory/c.txt": "login text",
      "memory/folder.md/d.md": "login in a folder with an ending",
      "memory/ignored/e.md": "login in an ignored folder",
    });
    execFileSync("git", ["init", "-q", dir]);
    expect(await search(dir, ["login"])).toEqual([
      "memory/a.md:1 login",
      "memory/folder.md/d.md:1 login in a folder with an ending",
      "memory/ignored/e.md:1 login in an ignored folder",
    ]);
  });

  it("follows no link out of the workspace, nor within it, and waits for no pipe", async () => {
    const outside = makeWorkspace({ "secret.md": "login secret", "folder/secret.md": "login secret" });
    const dir = makeWorkspace({ "memory/a.md": "login" });
    symlinkSync(join(outside, "secret.md"), join(dir, "memory/link.md"));
    symlinkSync(join(outside, "folder"), join(dir, "memory/folder"));
    symlinkSync("memory/a.md", join(dir, "MEMORY.md"));
    execFileSync("mkfifo", [join(dir, "memory/pipe.md")]);
    expect(await search(dir, ["login"])).toEqual(["memory/a.md:1 login"]);
    const linked = tempDir();
    symlinkSync(join(outside, "folder"), join(linked, "memory"));
    for (const [, memory] of memories(linked)) expect((await memory.search(["login"], LIMITS)).tool).toBe("none");
  });

  it("looks at no file that is too large for a note", async () => {
    const dir = makeWorkspace({ "MEMORY.md": "login\n", "memory/a.md": "login a\n", "memory/b.md": "login b\n" });
    truncateSync(join(dir, "memory/a.md"), 4 * 1024 * 1024);
    truncateSync(join(dir, "memory/b.md"), 4 * 1024 * 1024 + 1);
    expect(await search(dir, ["login"])).toEqual(["MEMORY.md:1 login", "memory/a.md:1 login a"]);
    truncateSync(join(dir, "MEMORY.md"), 4 * 1024 * 1024 + 1);
    expect(await search(dir, ["login"])).toEqual(["memory/a.md:1 login a"]);
  });

  it("reads what is no text as far as it is", async () => {
    const dir = makeWorkspace({
      "memory/binary.md": Buffer.from("\0\x01login\0\nlogin after it\n", "latin1"),
      "memory/latin.md": Buffer.from("login caf\xe9\n", "latin1"),
      "memory/utf16.md": Buffer.from("\ufefflogin\n", "utf16le"),
      "memory/bom.md": "\ufefflogin with a mark\n",
      "memory/escape.md": "login \x1b[2J\u202ereversed\n",
    });
    expect(await search(dir, ["login"])).toEqual([
      "memory/binary.md:2 login after it",
      "memory/bom.md:1 login with a mark",
      "memory/escape.md:1 login [2Jreversed",
      "memory/latin.md:1 login caf\ufffd",
    ]);
  });

  it("shows names that would break a line as one line", async () => {
    const dir = makeWorkspace({ "memory/a\nb.md": "login" });
    put(dir, Buffer.from("memory/\xff.md", "latin1"), "login too");
    expect(await search(dir, ["login"])).toEqual(["memory/a b.md:1 login", "memory/\ufffd.md:1 login too"]);
  });

  it("shortens long lines around what was found", async () => {
    const dir = makeWorkspace({ "MEMORY.md": `${"before ".repeat(3_000)}login ${"after ".repeat(20_000)}\n` });
    const [line = ""] = await search(dir, ["login"]);
    expect(line.length).toBeLessThanOrEqual("MEMORY.md:1 ".length + 300);
    expect(line).toMatch(/^MEMORY\.md:1 ….*login.*…$/);
  });

  it("keeps within its characters, with whole lines, and says that there was more", async () => {
    const dir = makeWorkspace({ "MEMORY.md": Array.from({ length: 500 }, (_, n) => `login ${n}`).join("\n") });
    expect(await search(dir, ["login"], { charactersMax: 1 })).toEqual([]);
    expect(await search(dir, ["login"], { charactersMax: 40 })).toEqual(["MEMORY.md:1 login 0", "MEMORY.md:2 login 1"]);
    for (const [, memory] of memories(dir)) {
      const result = await memory.search(["login"], { ...LIMITS, charactersMax: 100 });
      expect(result.truncated).toBe(true);
      expect(result.text).toBe(result.lines.map(({ path, line, text }) => `${path}:${line} ${text}`).join("\n"));
      expect((await memory.search(["login"], { ...LIMITS, charactersMax: 50_000 })).lines).toHaveLength(LINES_MAX);
      expect((await memory.search(["login"], { ...LIMITS, charactersMax: 0 })).tool).toBe("none");
    }
  });

  it("finds nothing where there is nothing, without a tool", async () => {
    for (const [, memory] of memories(makeWorkspace({ "README.md": "login" })))
      expect(await memory.search(["login"], LIMITS)).toEqual({ lines: [], text: "", tool: "none", truncated: false });
    const dir = makeWorkspace({ "MEMORY.md": "login" });
    for (const [, memory] of memories(dir))
      expect((await memory.search([" ", "\n", "x".repeat(65)], LIMITS)).tool).toBe("none");
    const toolless = createMemory({ workspaceDir: dir, environment: { PATH: tempDir() }, packageDir: tempDir() });
    expect(await toolless.search(["login"], LIMITS)).toEqual({ lines: [], text: "", tool: "none", truncated: false });
  });

  it("takes the next tool where one does not work", async () => {
    const dir = makeWorkspace({ "MEMORY.md": "login" });
    const bin = tempDir();
    writeFileSync(join(bin, "rg"), "#!/bin/sh\necho 'unrecognized flag' >&2\nexit 2\n", { mode: 0o755 });
    const [, grep] = TOOLS;
    if (grep === undefined) throw new Error("no grep");
    symlinkSync(grep.path, join(bin, "grep"));
    const memory = createMemory({ workspaceDir: dir, environment: { PATH: bin }, packageDir: bin });
    expect((await memory.search(["login"], LIMITS)).tool).toBe("grep");
  });

  it("says when a search was cut off", async () => {
    const dir = makeWorkspace({ "MEMORY.md": "login\n".repeat(100_000) });
    for (const [, memory] of memories(dir)) {
      const result = await memory.search(["login"], { ...LIMITS, outputBytes: 1_000 });
      expect(result).toMatchObject({ text: "MEMORY.md:1 login", truncated: true });
    }
  });

  it("finds what a plain search finds, in any tree, with either tool", { timeout: 300_000 }, async () => {
    const terms = ["login", "Größe", "ΟΔΟΣ", "İzmir", "-e", "--", "c#", "a.b", "ß", "日本", "😀x", "привет", "ab ab"];
    const letters = fc.constantFrom(..."aAbB.-e#ßſKİı", "\u212a", "\u0308", "ς", "σ", "О");
    const piece = fc.oneof(
      fc.constantFrom(
        ...terms,
        ...terms.map((term) => term.toUpperCase()),
        ...terms.map((term) => term.normalize("NFD")),
      ),
      fc.constantFrom("\n", "\n", "\n", "\r\n", " ", "\t", "word ", "\0", "\ufeff", "\u2028", "\x1b[1m", "~~~~"),
      fc.string({ unit: letters, maxLength: 6 }),
    );
    const content = fc.oneof(
      { weight: 6, arbitrary: fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.from(pieces.join(""))) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
      {
        weight: 1,
        arbitrary: fc.array(piece, { maxLength: 20 }).map((pieces) => Buffer.from(pieces.join(""), "utf16le")),
      },
    );
    const path = fc.constantFrom(
      ..."MEMORY.md|memory/a.md|memory/B.MD|memory/.h.md|memory/.git/x.md|memory/README.md|memory/sub/readme.md".split(
        "|",
      ),
      ..."memory/x y.md|memory/-e.md|memory/n\nl.md|memory/ä.md|memory/a\u0308.md|memory/d.md/i.md|memory/n.txt".split(
        "|",
      ),
      ..."memory/deep/er/and/deeper.md|memory/.ignore|memory/colon:1:.md|.ignore|memory/*.md|other/a.md".split("|"),
    );
    const tree = fc.dictionary(path, content, { minKeys: 1, maxKeys: 12 });
    await fc.assert(
      fc.asyncProperty(
        tree,
        fc.subarray(terms, { minLength: 1 }),
        fc.constantFrom(200, 4_000),
        async (files, wanted, max) => {
          const dir = makeWorkspace(files);
          const plain = searchPlainly(dir, wanted, max);
          expect((await search(dir, wanted, { charactersMax: max })).join("\n")).toBe(plain);
        },
      ),
      { numRuns: 60, interruptAfterTimeLimit: 240_000 },
    );
  });
});
