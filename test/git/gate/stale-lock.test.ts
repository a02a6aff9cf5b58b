import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { createTurnRefs } from "../../../src/git/snapshots/turn-refs.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";

/** Puts a git on the PATH whose first `update-ref` dies as by SIGKILL once it has locked `ref`. */
function dyingGit(gitDir: string, ref: string): void {
  const dir = tempDir();
  const lock = join(gitDir, `${ref}.lock`);
  const die = `mkdir -p ${join(lock, "..")}; [ -e ${dir}/died ] || { touch ${dir}/died ${lock}; kill -KILL $$; }`;
  const script = `#!/bin/sh\ncase "$*" in *update-ref*) ${die};; esac\nPATH=\${PATH#*:}\nexec git "$@"\n`;
  writeFileSync(join(dir, "git"), script, { mode: 0o755 });
  vi.stubEnv("PATH", `${dir}:${process.env.PATH ?? ""}`);
  onTestFinished(() => void vi.unstubAllEnvs());
}

it("a git that was killed while it wrote a ref of ours is asked once more, and leaves no lock", async () => {
  const repo = tempRepo();
  const head = repo.git("rev-parse", "HEAD");
  const gitDir = join(repo.dir, ".git");
  const refs = createTurnRefs({ topDir: repo.dir, gitDir, commonDir: gitDir });
  const ref = "refs/codex-inbox/turns/20261120-120000-abcdef/1";
  dyingGit(gitDir, ref);
  expect(await refs.keepTurn("20261120-120000-abcdef", 1, head)).toBe(ref);
  expect(repo.git("rev-parse", ref)).toBe(head);
  expect(existsSync(join(gitDir, `${ref}.lock`))).toBe(false);
});
