import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { makeGitRepo } from "./support/git-repo.ts";
import { tempDir } from "./support/temp-dir.ts";
import { STUB_PATH } from "./support/test-runner.ts";

const ROOT = join(import.meta.dirname, "..");
const PATH = `${dirname(process.execPath)}:${process.env.PATH ?? ""}`;

/** Unpacks what `npm pack` makes, with none of its dependencies: the bundle has to bring them. Returns its entry. */
function installPackage(folder: string): string {
  const packed = join(folder, "node_modules/codex-inbox");
  mkdirSync(packed, { recursive: true });
  const args = ["pack", "--silent", "--pack-destination", folder];
  execFileSync("npm", args, { cwd: ROOT, env: { ...process.env, PATH }, stdio: "pipe" });
  const archive = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  execFileSync("tar", ["-xzf", join(folder, archive), "-C", packed, "--strip-components=1"]);
  expect(readdirSync(packed).sort()).toEqual(["LICENSE", "README.md", "bin", "dist", "docs", "package.json"]);
  const parts = readdirSync(join(packed, "dist")).filter((name) => /\.(cjs|sh)$/.test(name));
  const bundle = parts.map((name) => readFileSync(join(packed, "dist", name), "utf8"));
  expect(readdirSync(join(packed, "dist/page"))).toEqual(
    expect.arrayContaining(["index.html", "marked.js", "purify.js"]),
  );
  // V8 keeps a file with one other character in twice the memory.
  expect(bundle.filter((text) => /[^\0-\x7f]/.test(text))).toEqual([]);
  // One YAML parser: gray-matter's own, with its parser of JavaScript, is left out.
  expect(bundle.filter((text) => /esprima|YAMLException/.test(text))).toEqual([]);
  expect(bundle.some((text) => text.includes("js-yaml is not part of codex-inbox"))).toBe(true);
  return join(packed, "bin/codex-inbox.js");
}

it("the packed program serves, and answers, without anything beside it; it caches no code where agents may write", async () => {
  const folder = tempDir();
  const entry = installPackage(folder);
  const { dir, git } = makeGitRepo(join(folder, "repo"));
  const home = join(folder, "home");
  const temporary = join(folder, "tmp");
  for (const path of [home, temporary]) mkdirSync(path);
  writeFileSync(join(home, "config.toml"), 'model_provider = "stub"\n');
  const env: NodeJS.ProcessEnv = {
    PATH,
    HOME: home,
    TMPDIR: temporary,
    CODEX_HOME: home,
    CODEX_INBOX_CODEX: STUB_PATH,
  };
  const coverage = join(folder, "coverage");
  /** The packages of others that one command has begun to use. */
  const loadedPackages = async (...command: readonly string[]): Promise<readonly string[]> => {
    env.NODE_V8_COVERAGE = coverage;
    expect(await run(...command)).toMatchObject({ code: 0 });
    delete env.NODE_V8_COVERAGE;
    const [report = ""] = readdirSync(coverage);
    const { result } = JSON.parse(readFileSync(join(coverage, report), "utf8")) as {
      result: { url: string; functions: { functionName: string; ranges: { count: number }[] }[] }[];
    };
    rmSync(coverage, { recursive: true });
    const program = result.find(({ url }) => url.endsWith("/dist/program.cjs"));
    const begun = program?.functions.filter(({ ranges: [whole] }) => (whole?.count ?? 0) > 0) ?? [];
    expect(begun.length).toBeGreaterThan(100);
    return [...new Set(begun.flatMap(({ functionName }) => /^node_modules\/[^/]+/.exec(functionName) ?? []))];
  };
  const run = (...args: readonly string[]): Promise<{ code: number | null; said: string }> =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [entry, ...args], { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"] });
      let said = "";
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (text) => (said += text));
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, said }));
    });
  expect(await run("--version")).toEqual({ code: 0, said: "0.1.0\n" });
  expect(await run("init")).toMatchObject({ code: 0 });
  expect(await run("add", "--title", "Hello", "Say hello.")).toMatchObject({ code: 0 });
  expect(await run("serve", "--until-idle", "--port", "0")).toMatchObject({ code: 0 });
  expect(await run("ls")).toMatchObject({ code: 0, said: expect.stringMatching(/\tsucceeded\t-\t.*\tHello\t\n$/) });
  expect(await run("status")).toMatchObject({ code: 0, said: expect.stringContaining("0 running, 0 queued") });
  for (const command of ["ls", "status"]) expect(await loadedPackages(command)).toEqual([]); // Most of a short start is loading.
  expect(await loadedPackages("add", "Once more.")).toContain("node_modules/yaml");
  expect(git("log", "-1", "--format=%(trailers:key=Task-Status,valueonly)")).toBe("succeeded");
  expect(existsSync(join(temporary, "node-compile-cache"))).toBe(false);
}, 60_000);
