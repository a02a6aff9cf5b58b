import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { levelOfSettings, profileSettings } from "../../../src/run/sandbox/permission-profile.ts";
import type { Confinement } from "../../../src/task/spec/sandbox-profile.ts";
import { CONFINED } from "../../support/confined.ts";
import { tempDir } from "../../support/temp-dir.ts";

interface Ground {
  readonly base: string;
  readonly workdir: string;
  /** The entries of the profile that `confinement` gives a run there. */
  entries(confinement: Partial<Confinement>, options?: { readonly tmp?: string; readonly workdir?: string }): string;
}

/** A work tree outside of /tmp, so that each rule is seen alone. */
function ground(): Ground {
  const base = realpathSync(tempDir("/var/tmp"));
  const workdir = join(base, "tree");
  for (const folder of ["tree/node_modules/codex-inbox", "tree/lib", "home/keys", "home/skills", "tmp/in"])
    mkdirSync(join(base, folder), { recursive: true });
  return {
    base,
    workdir,
    entries(confinement, { tmp, workdir: place = workdir } = {}) {
      const environment = tmp === undefined ? {} : { TMPDIR: tmp };
      const codexPath = join(base, "home/skills");
      const [profile = ""] = profileSettings(
        { level: "workspace-write", ...CONFINED, ...confinement },
        { workdir: place, environment, codexPath },
      );
      return (/filesystem=\{(.*)\}\}$/.exec(profile)?.[1] ?? "?").replaceAll(base, "");
    },
  };
}

describe("the permission profile of a run", () => {
  it("closes the entry of the working directory that leads to what is not to be written, so that none above it is replaced", () => {
    const { entries, workdir, base } = ground();
    expect(entries({ writeDenied: [join(workdir, "node_modules/codex-inbox")] })).toBe('"/tree/node_modules"="read"');
    expect(entries({ writeDenied: [join(workdir, "gone"), join(base, "home")] })).toBe("");
  });

  it("does the same in the folders for temporary files, and closes one that lies in what is not to be written", () => {
    const { entries, base } = ground();
    const tmp = join(base, "tmp");
    expect(entries({ writeDenied: [join(tmp, "in/deep")] }, { tmp })).toBe('"/tmp/in"="read"');
    expect(entries({ writeDenied: [tmp] }, { tmp })).toBe('":tmpdir"="read"');
    expect(entries({ writeDenied: [base] }, { tmp, workdir: realpathSync(tempDir()) })).toBe('":tmpdir"="read"');
  });

  it("looks once more where a run may write: what leads to what is closed may be a link by now", () => {
    const { entries, workdir } = ground();
    symlinkSync(join(workdir, "lib"), join(workdir, "tools"));
    expect(entries({ writeDenied: [join(workdir, "tools/deep")] })).toBe('"/tree/lib"="read"');
  });

  it("refuses a run that would work in what it may not write", () => {
    const { entries, workdir } = ground();
    const message = expect.stringMatching(/^workdir: .*tree lies in .*name another folder$/);
    expect(() => entries({ writeDenied: [workdir] })).toThrow(expect.objectContaining({ code: "TASK_FILE", message }));
  });

  it("closes a folder that is not to be read, but for what codex or the run needs in it, whatever else comes into it", () => {
    const { entries, base } = ground();
    const keys = join(base, "home/keys");
    expect(entries({ readDenied: [keys, join(base, "missing")] })).toBe('"/home/keys"="none"');
    // The executable stands for codex in home/skills, and the work tree lies below the base.
    expect(entries({ readDenied: [join(base, "home")] })).toBe('"/home/keys"="none"');
  });

  it("opens what the owner has said, but nothing of ours with a folder above it", () => {
    const { entries, base } = ground();
    const readDenied = [join(base, "home/keys"), join(base, "tmp")];
    expect(entries({ readDenied, readable: [join(base, "home")] })).toBe('"/tmp"="none"');
    expect(entries({ readDenied, readable: [join(base, "tmp/in")] })).toBe('"/home/keys"="none"');
    expect(entries({ readDenied, writeDenied: [join(base, "tmp")], readable: [base] })).toBe('"/tmp"="none"');
  });

  it.each(["[brackets]", "st*r", "question?", "{braces}"])(
    "refuses a run for a name that codex takes for a pattern: %s",
    (name) => {
      const { entries, base } = ground();
      writeFileSync(join(base, name), "");
      const message = expect.stringContaining("rename it");
      expect(() => entries({ readDenied: [join(base, name)] })).toThrow(expect.objectContaining({ message }));
    },
  );

  it("says its level to a coordinator that finds the run, and gives none to a run without a sandbox", () => {
    const place = { workdir: "/w", environment: {}, codexPath: "/c" };
    for (const level of ["read-only", "workspace-write"] as const)
      expect(levelOfSettings(profileSettings({ level, ...CONFINED }, place))).toBe(level);
    expect(profileSettings({ level: "danger-full-access", ...CONFINED }, place)).toEqual([]);
  });
});
