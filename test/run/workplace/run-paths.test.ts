import { mkdirSync, realpathSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { createKnownRepositories } from "../../../src/git/repository/known-repositories.ts";
import { type RunPaths, resolveRunPaths } from "../../../src/run/workplace/run-paths.ts";
import { parseDropText } from "../../../src/task/file/task-file.ts";
import { DEFAULT_RIGHTS, type Rights } from "../../../src/task/rights/rights.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** A working tree with the coordinator's folder in its `.git`, and another folder beside it. */
function ground(): { tree: string; other: string; put: (path: string) => void; resolve: typeof resolveIn } {
  const base = realpathSync(tempDir());
  const [tree, other] = [join(base, "tree"), join(base, "other")];
  const put = (path: string): void => {
    mkdirSync(dirname(join(base, path)), { recursive: true });
    writeFileSync(join(base, path), "");
  };
  for (const path of ["tree/a.png", "tree/sub/b.png", "other/c.png", "other/in/d.png"]) put(path);
  put("tree/.git/codex-inbox/policy.json");
  return { tree, other, put, resolve: resolveIn };
}

function resolveIn(
  tree: string,
  frontMatter: string,
  rights: Partial<Rights> = {},
  state: string = join(tree, ".git", "codex-inbox"),
  readDenied: readonly string[] = [],
  filesRoot?: string,
): RunPaths {
  const parsed = parseDropText(`---\n${frontMatter}\n---\nDo it.\n`, undefined);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const all = { ...DEFAULT_RIGHTS, ...rights };
  const gitDir = join(tree, ".git");
  const repositories = createKnownRepositories({ topDir: tree, gitDir, commonDir: gitDir }, () => all.workdirs);
  const confinement = { readDenied, readable: all.readable, writeDenied: [join(tree, ".codex")] };
  const apart = (): readonly string[] => [];
  return resolveRunPaths(parsed.spec, {
    ...{ workRoot: tree, stateDir: state, repositories, apart, rights: all, confinement },
    ...(filesRoot === undefined ? {} : { filesRoot }),
  });
}

it("of a worktree lead to files of the checkout that it does not have, and to no folder there", () => {
  const { tree, other, put, resolve } = ground();
  put("other/a.png");
  const inOther = (frontMatter: string): RunPaths => resolve(other, frontMatter, {}, undefined, [], tree);
  expect(inOther("images: [a.png, sub/b.png]\noutputSchema: sub/b.png")).toEqual({
    workdir: other,
    images: [join(other, "a.png"), join(tree, "sub/b.png")],
    outputSchema: join(tree, "sub/b.png"),
  });
  expect(() => inOther("workdir: sub")).toThrow("workdir: there is no folder sub in the working tree");
  symlinkSync("/etc/hostname", join(tree, "out.png"));
  expect(() => inOther("images: out.png")).toThrow(/outside the working tree/);
  symlinkSync(join(tree, ".git/codex-inbox/policy.json"), join(tree, "policy.png"));
  expect(() => inOther("images: policy.png")).toThrow(/leads into git's own folder/);
});

it("lead into the working tree, or where the owner lets them", () => {
  const { tree, other, resolve } = ground();
  expect(resolve(tree, "title: x")).toEqual({ workdir: tree, images: [], outputSchema: undefined });
  expect(resolve(tree, "workdir: sub\nimages: [a.png, sub/b.png]\noutputSchema: a.png")).toEqual({
    workdir: join(tree, "sub"),
    images: [join(tree, "a.png"), join(tree, "sub/b.png")],
    outputSchema: join(tree, "a.png"),
  });
  const rights = { workdirs: [other], images: [join(other, "c.png")] };
  expect(resolve(tree, `workdir: ${other}/in\nimages: ${other}/c.png`, rights)).toMatchObject({
    workdir: join(other, "in"),
    images: [join(other, "c.png")],
  });
});

it.each([
  {
    key: "workdir",
    link: "out",
    target: "other",
    says: /^workdir: "out" leads to ".*\/other", outside.*allow workdirs/,
  },
  { key: "workdir", link: "sub/out", target: "other/in", says: /outside the working tree/ },
  { key: "images", link: "out.png", target: "other/c.png", says: /^images: .*allow images \/.*c\.png"$/ },
  { key: "outputSchema", link: "out.json", target: "other/c.png", says: /^outputSchema: out\.json leaves/ },
  { key: "workdir", link: "hooks", target: "tree/.git", says: /leads into git's own folder/ },
  { key: "images", link: "p.png", target: "tree/.git/codex-inbox/policy.json", says: /leads into git's own folder/ },
  { key: "workdir", link: "nest", target: "tree/sub/.git", says: /leads into git's own folder/ },
])("do not follow a link of an agent's: $key to $target", ({ key, link, target, says }) => {
  const { tree, put, resolve } = ground();
  put("tree/sub/.git/HEAD");
  symlinkSync(join(dirname(tree), target), join(tree, link));
  expect(() => resolve(tree, `${key}: ${link}`)).toThrow(says);
});

it("are looked at as they lead when the run begins, in what is allowed as well", () => {
  const { tree, other, resolve } = ground();
  const rights = { workdirs: [join(other, "in"), "/nowhere"] };
  const inside = `workdir: ${other}/in/x`;
  symlinkSync(tree, join(other, "in", "x"));
  expect(resolve(tree, inside, rights).workdir).toBe(tree);
  expect(() => resolve(tree, inside)).toThrow(/tasks may not name it here/);
  renameSync(join(other, "in"), join(other, "was"));
  expect(() => resolve(tree, inside, rights)).toThrow("workdir: there is no folder");
  // A root that is a link itself means what it leads to.
  symlinkSync(join(other, "was"), join(other, "in"));
  expect(resolve(tree, `workdir: ${other}/in`, rights).workdir).toBe(join(other, "was"));
});

it("never hold the folder that says what is allowed, however much is", () => {
  const { tree, resolve } = ground();
  const rights = { workdirs: ["/"] };
  expect(resolve(tree, `workdir: ${tree}`, rights).workdir).toBe(tree); // Its `.git` is protected by codex.
  expect(() => resolve(tree, `workdir: ${dirname(tree)}`, rights)).toThrow(/holds .*codex-inbox, which an agent could/);
  expect(() => resolve(tree, "workdir: /", rights)).toThrow(/which an agent could write to/);
});

it("never lead into a git directory that has another name", () => {
  const { tree, put, resolve } = ground();
  put("tree/data/gits/codex-inbox/homes/x-1/policy.json");
  const state = join(tree, "data/gits/codex-inbox/homes/x-1");
  for (const workdir of ["data/gits", "data/gits/codex-inbox", "data/gits/codex-inbox/homes/x-1"])
    expect(() => resolve(tree, `workdir: ${workdir}`, {}, state)).toThrow(/leads into git's own folder/);
  expect(() => resolve(tree, "workdir: data", {}, state)).toThrow(/which an agent could write to/);
  expect(resolve(tree, "workdir: sub", {}, state).workdir).toBe(join(tree, "sub"));
});

it("are not looked for where the task asks for more than it may have by now", () => {
  const { tree, resolve } = ground();
  expect(() => resolve(tree, "sandbox: danger-full-access\nworkdir: nowhere")).toThrow(
    /^sandbox: "danger-full-access" is more than a task may ask for here; expected: at most workspace-write/,
  );
});

it("do not lead to credentials where the working tree is a home, or the owner has allowed one", () => {
  const { tree, other, put, resolve } = ground();
  for (const path of ["tree/.ssh/id.png", "tree/.codex/auth.json", "other/.ssh/id.png"]) put(path);
  symlinkSync(join(tree, ".codex", "auth.json"), join(tree, "sub", "schema.json"));
  const denied = [join(tree, ".ssh"), join(tree, ".codex"), join(other, ".ssh")];
  const all = { workdirs: [other], images: [other] };
  for (const frontMatter of [
    ...["workdir: .ssh", "images: .ssh/id.png", "outputSchema: .codex/auth.json", "outputSchema: sub/schema.json"],
    ...[`workdir: ${other}/.ssh`, `images: ${other}/.ssh/id.png`],
  ]) {
    expect(() => resolve(tree, frontMatter, all)).not.toThrow(); // As it was.
    expect(() => resolve(tree, frontMatter, all, undefined, denied)).toThrow(
      /no run may read it, .*policy allow readable \//,
    );
  }
  // What the owner opens, by `readable` or by naming what lies in it, is open.
  expect(resolve(tree, "workdir: .ssh", { readable: [join(tree, ".ssh")] }, undefined, denied).workdir).toBe(
    join(tree, ".ssh"),
  );
  expect(() => resolve(tree, "outputSchema: .codex/auth.json", { readable: [tree] }, undefined, denied)).toThrow(
    /no run/,
  );
  const project = { workdirs: [join(other, "in")] };
  expect(resolve(tree, `workdir: ${other}/in`, project, undefined, [other]).workdir).toBe(join(other, "in"));
  expect(resolve(tree, "title: x", {}, undefined, [dirname(tree)]).workdir).toBe(tree);
});
