import { chmodSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createLivePolicy } from "../../src/config/live-policy.ts";
import { readPolicy, writePolicy } from "../../src/config/policy.ts";
import { DEFAULT_POLICY } from "../../src/task/rights/policy.ts";
import { tempDir } from "../support/temp-dir.ts";

/** A working tree, and a policy file that is not there yet. */
function place(): { tree: string; path: string; read: () => unknown; write: (text: string, mode?: number) => void } {
  const dir = tempDir();
  const [tree, path] = [join(dir, "tree"), join(dir, "state", "policy.json")];
  for (const folder of ["tree", "state"]) mkdirSync(join(dir, folder));
  return {
    ...{ tree, path },
    read: () => readPolicy(path, tree),
    write(text, mode = 0o600) {
      rmSync(path, { force: true, recursive: true });
      writeFileSync(path, text);
      chmodSync(path, mode);
    },
  };
}

it("is the defaults where there is no file", () => {
  expect(place().read()).toEqual(DEFAULT_POLICY);
});

it("is written for its owner alone, whole, and read again", () => {
  const { tree, path, read } = place();
  const policy = { ...DEFAULT_POLICY, sandbox: "read-only" as const, codexHome: "/srv/home" };
  writePolicy(path, policy, tree);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(read()).toEqual(policy);
});

it.each<{ name: string; text: string; mode?: number; says: RegExp }>([
  {
    name: "is no JSON",
    text: '{"version": 1,\n}',
    says: /policy\.json: line 2, column 1: Expected double-quoted property name/,
  },
  { name: "has an unknown key", text: '{"version": 1, "sandbx": "x"}', says: /did you mean "sandbox"\?$/ },
  {
    name: "its group may write",
    text: '{"version": 1}',
    mode: 0o620,
    says: /may be written by others \(mode 620\): chmod 600 \//,
  },
  { name: "everybody may write", text: '{"version": 1}', mode: 0o602, says: /may be written by others/ },
  { name: "is too large", text: " ".repeat(300_000), says: /has 300000 bytes/ },
])("is refused where the file $name", ({ text, mode, says }) => {
  const { read, write } = place();
  write(text, mode);
  expect(read).toThrow(expect.objectContaining({ code: "CONFIG", message: expect.stringMatching(says) }));
});

it("is refused where it is not a plain file, and a link is not followed", () => {
  const { tree, path, read } = place();
  writeFileSync(join(tree, "planted.json"), '{"version": 1, "sandbox": "danger-full-access"}', { mode: 0o600 });
  symlinkSync(join(tree, "planted.json"), path);
  expect(read).toThrow(/is a symbolic link, not a plain file/);
  rmSync(path);
  mkdirSync(path);
  expect(read).toThrow(/is a folder, not a plain file/);
});

it.each(["codex", "codexHome", "worktreesDir", "hook", "webhookSecret"] as const)(
  "names no %s in the working tree, also by a link",
  (key) => {
    const { tree, path, read, write } = place();
    symlinkSync(tree, join(path, "..", "link"));
    for (const named of [join(tree, "bin"), join(path, "..", "link", "bin")]) {
      const says = new RegExp(`${key}: .* lies in the working tree`);
      expect(() => writePolicy(path, { ...DEFAULT_POLICY, [key]: named }, tree)).toThrow(says);
      write(JSON.stringify({ version: 1, [key]: named }));
      expect(read).toThrow(says);
    }
  },
);

it("follows edits while serving, and stays as it was after a bad one", () => {
  const { tree, path, write } = place();
  const policy = createLivePolicy(path, tree);
  const first = policy.current();
  expect(policy.reload()).toBeUndefined();
  expect(policy.current()).toBe(first);
  write('{"version": 1, "sandbox": "read-only"}');
  expect(policy.reload()).toBeUndefined();
  expect(policy.current().sandbox).toBe("read-only");
  write('{"version": 1, "sandbox": "danger"}');
  for (let look = 0; look < 2; look += 1)
    expect(policy.reload()).toMatch(/line 1, column 27: sandbox: "danger" is none of/);
  expect(policy.current().sandbox).toBe("read-only");
  write('{"version": 1, "sandbox": "danger-full-access"}', 0o666);
  expect(policy.reload()).toMatch(/may be written by others/);
  expect(policy.current().sandbox).toBe("read-only");
  rmSync(path);
  expect(policy.reload()).toBeUndefined();
  expect(policy.current()).toEqual(DEFAULT_POLICY);
});

it("is not begun with when it is bad from the start", () => {
  const { tree, path, write } = place();
  write("{}");
  expect(() => createLivePolicy(path, tree)).toThrow(expect.objectContaining({ code: "CONFIG", exitCode: 78 }));
});
