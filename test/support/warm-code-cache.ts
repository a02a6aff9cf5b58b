import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { SHORT_LIVED } from "./coordinator-process.ts";
import { makeGitRepo } from "./git-repo.ts";

const STUB_PATH = join(import.meta.dirname, "../fixtures/codex-stub.sh");

/**
 * Lets a coordinator of the package at `packageDir` run one task to its end: what runs then stays compiled for all that come after it.
 *
 * @throws Error with what it printed when it does not end well
 */
export function warmCodeCache(packageDir: string): void {
  const base = mkdtempSync(join(tmpdir(), "codex-warm-"));
  try {
    const [dir, home] = [join(base, "repo"), join(base, "codex-home")];
    makeGitRepo(dir);
    mkdirSync(home);
    writeFileSync(join(home, "config.toml"), 'model_provider = "stub"\n');
    const node = dirname(process.execPath);
    const env = { PATH: `${node}:${process.env.PATH}`, HOME: base, CODEX_HOME: home, CODEX_INBOX_CODEX: STUB_PATH };
    const entry = join(packageDir, "bin/codex-inbox.js");
    for (const args of [["init"], ["add", "warm up"], ["serve", "--until-idle", "--port", "0", "--settle-ms", "1"]]) {
      const { status, stderr } = spawnSync(process.execPath, [...SHORT_LIVED, entry, ...args], { cwd: dir, env });
      if (status !== 0) throw new Error(`${args[0]} ended with ${status}: ${stderr}`);
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}
