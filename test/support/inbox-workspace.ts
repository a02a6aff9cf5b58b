import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createIntake, type Intake, type IntakeOptions } from "../../src/intake/inbox/intake.ts";
import type { InboxScan } from "../../src/task/file/drop.ts";
import { hashBlob } from "./blob-and-id.ts";
import { PLAIN_KEEPER } from "./kept.ts";
import { onTestFinished } from "./test-end.ts";

export const SETTLE_MS = 2_000;
export const BROKEN_TEXT = "---\npriority: high\n---\nFix the login.\n";

export interface InboxWorkspace {
  readonly dir: string;
  readonly inboxDir: string;
  readonly stateDir: string;
  readonly intake: Intake;
  readonly notices: string[];
  /** Unix ms of the clock that the intake is given; it stands still until it is set. */
  readonly clock: { nowMs: number };
  /** An intake of its own on the same folders, as the next coordinator has one. */
  another(options?: Partial<IntakeOptions>): Intake;
  /** Writes `inbox/<name>`. */
  drop(name: string, text?: string | Uint8Array): string;
  /** Looks, lets everything come to rest, and looks again. */
  settledScan(intake?: Intake): ReturnType<Intake["scan"]>;
  /** Every file below a folder of the workspace, as sorted relative paths. */
  files(folder?: string): readonly string[];
}

/** Makes a workspace with an empty inbox/ in a temporary folder that is removed with the test. */
export function makeInboxWorkspace(options: Partial<IntakeOptions> = {}): InboxWorkspace {
  const dir = temporaryFolder(tmpdir());
  const inboxDir = join(dir, "inbox");
  mkdirSync(inboxDir);
  const notices: string[] = [];
  const clock = { nowMs: Date.now() };
  const stateDir = options.stateDir ?? join(dir, ".git", "codex-inbox");
  const another = (more: Partial<IntakeOptions> = {}): Intake =>
    createIntake({
      workspaceDir: dir,
      stateDir,
      settleMs: SETTLE_MS,
      rescanMs: 60_000,
      now: () => clock.nowMs,
      hashBlob,
      keeper: PLAIN_KEEPER,
      onHint: () => undefined,
      onNotice: (message) => notices.push(message),
      ...options,
      ...more,
    });
  const intake = another();
  return {
    dir,
    inboxDir,
    stateDir,
    intake,
    notices,
    clock,
    another,
    drop(name, text = "Fix the login.\n") {
      const path = join(inboxDir, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      return path;
    },
    async settledScan(which = intake) {
      clock.nowMs = Math.max(clock.nowMs, Date.now()) + 1;
      await which.scan();
      clock.nowMs += SETTLE_MS;
      return which.scan();
    },
    files: (folder = ".") => filesBelow(join(dir, folder)),
  };
}

/** Makes a folder below `parent` that is removed with the test. */
export function temporaryFolder(parent: string): string {
  const path = mkdtempSync(join(parent, "codex-inbox-test-"));
  chmodSync(path, 0o755);
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Returns the paths of the drops of a scan, in its order. */
export function pathsOf(scan: InboxScan): readonly string[] {
  return scan.drops.map((drop) => drop.path);
}

/** Returns the paths of the broken files of a scan, in its order. */
export function brokenPathsOf(scan: InboxScan): readonly string[] {
  return scan.broken.map((broken) => broken.path);
}

function filesBelow(path: string): readonly string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
}
