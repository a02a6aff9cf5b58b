import { linkSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { linkedFiles } from "../../../src/app/serve/hard-links.ts";
import { watchOwnPlaces } from "../../../src/app/serve/keep-apart.ts";
import { confinementOf, type OwnPlacesOptions, ownPlaces, requireApart } from "../../../src/app/serve/own-places.ts";
import { DEFAULT_POLICY } from "../../../src/task/rights/policy.ts";
import { tempDir } from "../../support/temp-dir.ts";

interface Machine {
  readonly base: string;
  readonly options: OwnPlacesOptions;
  /** @param roots below the base; the work tree unless given */
  check(changes?: Partial<OwnPlacesOptions>, roots?: readonly string[]): void;
  /** What no run may write, below the base. */
  kept(changes?: Partial<OwnPlacesOptions>): readonly string[];
}

/** A machine with a work tree, and everything of ours beside it. */
function machine(): Machine {
  const base = realpathSync(tempDir("/var/tmp"));
  const folders = ["work/lib", "work/.git/codex-inbox", "codex-home", "codex", "tools", "package/src", "package/bin"];
  for (const folder of folders) mkdirSync(join(base, folder), { recursive: true });
  for (const file of ["codex/codex", "package/package.json", "package/.npmrc"]) writeFileSync(join(base, file), "");
  const workspaceDir = join(base, "work");
  const stateDir = join(workspaceDir, ".git/codex-inbox");
  const gitDir = join(workspaceDir, ".git");
  const place = {
    gitDir,
    commonDir: gitDir,
    workspaceDir,
    topDir: workspaceDir,
    workRoot: workspaceDir,
    stateDir,
    branch: "refs/heads/main",
  };
  const environment = { HOME: join(base, "home"), CODEX_HOME: join(base, "codex-home"), PATH: join(base, "tools") };
  const options = { place, codexPath: join(base, "codex/codex"), environment, packageDir: join(base, "package") };
  return {
    ...{ base, options },
    check: (changes, roots = ["work"]) => {
      const around = { ...options, ...changes };
      requireApart(
        ownPlaces(around),
        roots.map((root) => join(base, root)),
        around,
      );
    },
    kept: (changes) => {
      const around = { ...options, ...changes };
      const paths = confinementOf(ownPlaces(around), around).writeDenied.filter((path) => path.startsWith(base));
      return paths.map((path) => path.slice(base.length + 1));
    },
  };
}

const config = (text: RegExp): unknown =>
  expect.objectContaining({ code: "CONFIG", message: expect.stringMatching(text) });

describe("a program that has a second name", () => {
  it.each([
    { name: "where npm puts a package", twin: "work/node_modules/codex-inbox/src/cli.js" },
    { name: "where pnpm does", twin: "work/node_modules/.pnpm/codex-inbox@1.0.0/node_modules/codex-inbox/src/cli.js" },
  ])("in the working tree, $name, is refused with what to do", ({ twin }) => {
    const { base, check } = machine();
    writeFileSync(join(base, "package/src/cli.js"), "");
    check();
    mkdirSync(dirname(join(base, twin)), { recursive: true });
    writeFileSync(join(base, twin), ""); // The control: a copy.
    check();
    rmSync(join(base, twin));
    linkSync(join(base, "package/src/cli.js"), join(base, twin));
    expect(() => check()).toThrow(config(/src\/cli\.js are one file with two names.*package-import-method=copy/));
  });

  it("elsewhere is named, with none where agents write", () => {
    const { base, options } = machine();
    linkSync(options.codexPath, join(base, "codex/other"));
    const linked = linkedFiles(join(base, "package"), options.codexPath, [join(base, "work")]);
    expect(linked).toEqual([{ path: options.codexPath, within: undefined }]);
  });
});

describe("what agents may not read", () => {
  it("is named by where it leads, and only what is there: links of the owner's are followed", () => {
    const { base, options } = machine();
    for (const folder of ["home/.aws", "elsewhere/ssh"]) mkdirSync(join(base, folder), { recursive: true });
    symlinkSync(join(base, "elsewhere/ssh"), join(base, "home/.ssh"));
    const { readDenied } = confinementOf(ownPlaces(options), options);
    const below = readDenied.filter((path) => path.startsWith(base)).map((path) => path.slice(base.length + 1));
    expect(below).toEqual(["codex-home", "work/.git/codex-inbox", "elsewhere/ssh", "home/.aws"]);
  });

  it("is looked for once for all runs of a second, for each codex", () => {
    const { base, options } = machine();
    const own = watchOwnPlaces(options.place, options.environment);
    const first = own.confinement(options.codexPath);
    expect(own.confinement(options.codexPath)).toBe(first);
    expect(own.confinement(join(base, "tools/codex")).writeDenied).toContain(join(base, "tools/codex"));
  });
});

it("the folder of the worktrees lies in nothing that agents are kept out of", () => {
  const { base, options } = machine();
  const own = watchOwnPlaces(options.place, options.environment);
  const named = (path: string) => () =>
    own.requireApart({ ...DEFAULT_POLICY, worktreesDir: join(base, path) }, options.codexPath);
  expect(named("trees")).not.toThrow();
  for (const [path, what] of [
    ["codex-home/trees", "codex's own folder"],
    ["tools/x", "a folder of the PATH"],
  ] as const)
    expect(named(path)).toThrow(config(new RegExp(`agents would work in ${base}/${path}, which lies in ${what}`)));
  expect(named("work/.git/trees")).toThrow(config(/which lies in the git directory/));
});

describe("what agents may not write to", () => {
  it("is all that is run and all that says what tasks may do", () => {
    const { kept, check, base } = machine();
    mkdirSync(join(base, "work/.git/worktrees/other"), { recursive: true });
    writeFileSync(join(base, "work/.git/worktrees/other/gitdir"), `${base}/other/.git\n`);
    expect(kept()).toEqual([
      ...["package/bin", "package/src", "package/package.json", "package/.npmrc", "codex/codex", "codex-home"],
      ...["work/.git", "work/.git/codex-inbox", "other/.git", "tools"],
    ]);
    expect(() => check()).not.toThrow();
  });

  it("is the whole of the outermost node_modules for an installed package: what it needs lies beside it", () => {
    const { kept, base } = machine();
    expect(kept({ packageDir: join(base, "work/node_modules/.pnpm/x/node_modules/codex-inbox") })[0]).toBe(
      "work/node_modules",
    );
  });

  it("may be a checkout of ours that agents work in, whose folders of programs are closed to them", () => {
    const { check, base, options } = machine();
    const place = { ...options.place, workRoot: join(base, "package") };
    expect(() => check({ place }, ["package"])).not.toThrow();
  });

  it.each([
    {
      what: "the program",
      root: "package/src",
      says: /agents would work in .*package\/src, which lies in the program codex-inbox/,
    },
    { what: "codex's own folder", root: "codex-home", says: /which lies in codex's own folder .*move/ },
    { what: "the git directory", root: "work/.git", says: /which lies in the git directory/ },
  ])("is never a folder that agents are to work in: $what", ({ root, says }) => {
    const { check } = machine();
    expect(() => check({}, ["work", root])).toThrow(config(says));
  });

  it("is not reached by way of a link that an agent could replace", () => {
    const { check, base, options } = machine();
    symlinkSync(join(base, "codex-home"), join(base, "work/home"));
    symlinkSync(join(base, "work/home"), join(base, "first"));
    const environment = { ...options.environment, CODEX_HOME: join(base, "first") };
    expect(() => check({ environment })).toThrow(
      config(/work\/home leads to codex's own folder and lies where agents may write/),
    );
  });

  it("has a name that codex can be told", () => {
    const { check, base, options } = machine();
    mkdirSync(join(base, "work/[home]"));
    const environment = { ...options.environment, CODEX_HOME: join(base, "work/[home]") };
    expect(() => check({ environment })).toThrow(config(/\[home\].*rename it/));
  });
});
