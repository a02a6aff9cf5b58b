import { chmodSync, cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { inject } from "vitest";
import { examineWorkspace } from "../../../src/app/doctor/examine.ts";
import type { CheckReport, DoctorReport, FindingReport } from "../../../src/app/doctor/report.ts";
import { findWorkspace } from "../../../src/git/repository/workspace-place.ts";
import { type StatePaths, statePaths } from "../../../src/store/state-paths.ts";
import { runCommand } from "../../support/coordinator-process.ts";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { FAST_STUB_PATH } from "../../support/test-runner.ts";
import { workspaceTemplate } from "../../support/workspace.ts";

/** A workspace that has been served, with one finished task in a session of its own and one in the session `docs`; for tests to damage. */
export interface DamagedWorkspace {
  readonly repo: GitRepo;
  readonly paths: StatePaths;
  /** Of the task of `docs`. */
  readonly task: string;
  /** The file of that task, from the top of the work tree. */
  readonly file: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Puts a file into the coordinator's folder. */
  put(path: string, text: string): string;
  /** Replaces a text in a file of the branch, and commits that. */
  edit(path: string, change: (text: string) => string): void;
  doctor(
    options?: { readonly fix?: boolean; readonly all?: boolean },
    ...only: readonly string[]
  ): Promise<DoctorReport>;
  /** Makes one check; returns what it found. */
  check(name: string, options?: { readonly fix?: boolean; readonly all?: boolean }): Promise<CheckReport>;
  findings(name: string, options?: { readonly all?: boolean }): Promise<readonly FindingReport[]>;
}

interface Served {
  readonly base: string;
  readonly file: string;
}

let served: Promise<Served> | undefined;

/** Returns a copy of its own for one test. */
export async function damagedWorkspace(): Promise<DamagedWorkspace> {
  served ??= serveOnce();
  const base = tempDir();
  const dir = join(base, "repo");
  const { base: from, file } = await served;
  cpSync(from, base, { recursive: true });
  const repo = gitRepoAt(dir);
  const paths = statePaths(join(dir, ".git/codex-inbox"));
  chmodSync(paths.root, 0o700); // The copy has not kept it.
  // A folder of another place would be a copy, which is a finding of its own.
  const [clone = ""] = readFileSync(paths.clone, "utf8").split("\n");
  writeFileSync(paths.clone, `${clone}\n`);
  const [date = "", time = "", suffix = ""] = [
    basename(dirname(file)).replaceAll("-", ""),
    basename(file).slice(0, 6),
    basename(file).slice(-9, -3),
  ];
  const environment = environmentIn(base);
  const doctor: DamagedWorkspace["doctor"] = async ({ fix = false, all = false } = {}, ...only) =>
    examineWorkspace(await findWorkspace(dir), environment, { fix, all, only });
  const check: DamagedWorkspace["check"] = async (name, options) => {
    const [only] = (await doctor(options, name)).checks;
    if (only === undefined) throw new Error(`no check ${name}`);
    return only;
  };
  return {
    ...{ repo, paths, file, environment, doctor, check },
    task: `${date}-${time}-${suffix}`,
    put(path, text) {
      writeFileSync(join(paths.root, path), text);
      return join(paths.root, path);
    },
    edit(path, change) {
      repo.write(path, change(repo.read(path) ?? ""));
      repo.git("add", "--", path);
      repo.git("commit", "--quiet", "-m", "an edit");
    },
    findings: async (name, options) => (await check(name, options)).findings,
  };
}

async function serveOnce(): Promise<Served> {
  const base = mkdtempSync(join(inject("sharedDir"), "served-"));
  const dir = join(base, "repo");
  cpSync(await workspaceTemplate(), dir, { recursive: true });
  const environment = environmentIn(base);
  for (const args of [["add", "Say hello"], ["add", "--session", "docs", "Fix the login"], SERVE]) {
    const { code, stderr } = await runCommand(dir, args, environment);
    if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
  }
  return { base, file: gitRepoAt(dir).git("ls-files", "--", "sessions/docs/*.md") };
}

const SERVE = ["serve", "--until-idle", "--settle-ms", "30"];

function environmentIn(base: string): NodeJS.ProcessEnv {
  const home = join(base, "home");
  return {
    PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ""}`,
    ...{ HOME: home, LANG: "C.UTF-8", CODEX_HOME: join(home, "codex"), CODEX_API_KEY: "sk-none" },
    CODEX_INBOX_CODEX: FAST_STUB_PATH,
  };
}
