import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Intake } from "../../src/intake/inbox/intake.ts";
import type { BrokenDrop, Drop, InboxScan } from "../../src/task/file/drop.ts";
import { parseDropText } from "../../src/task/file/task-file.ts";
import { isTaskId } from "../../src/task/names/task-id.ts";
import { hashBlob } from "../support/blob-and-id.ts";
import { renderErrorFile } from "../support/kept.ts";
import { putOnDisk } from "./fake-repository.ts";

export interface FakeIntakeOptions {
  readonly workspaceDir: string;
  /** Where claims lie; outlives the intake. */
  readonly acceptingDir: string;
  readonly settleMs: number;
  readonly now: () => number;
  /** Another object: everything is judged anew. */
  readonly rights: () => unknown;
  readonly onHint: () => void;
}

/** An intake without a watcher: it looks when it is asked, and a test hints. Its claims are as crash-safe as the real ones. */
export interface FakeIntake extends Intake {
  /** Says that something may have changed in the inbox. */
  hint(): void;
}

export function createFakeIntake(options: FakeIntakeOptions): FakeIntake {
  const { workspaceDir, acceptingDir, settleMs, now } = options;
  let judgedBy = options.rights();
  const printOf = (path: string): string => `${path} ${statSync(join(workspaceDir, path)).mtimeMs}`;
  /** By path and time, while the file is what it was. */
  const refused = new Map<string, BrokenDrop>();
  const heldAt = (id: string): string => join(acceptingDir, id);
  let stopped = false;

  return {
    hint: () => {
      if (!stopped) options.onHint();
    },
    async start() {
      options.onHint();
    },
    async scan(): Promise<InboxScan> {
      const drops: Drop[] = [];
      const broken: BrokenDrop[] = [];
      const settling: number[] = [];
      if (options.rights() !== judgedBy) refused.clear();
      judgedBy = options.rights();
      for (const path of dropPaths(workspaceDir)) {
        const drop = readDrop(join(workspaceDir, path), path);
        const restsAtMs = statSync(join(workspaceDir, path)).mtimeMs + settleMs;
        const refusal = refused.get(printOf(path));
        if (restsAtMs > now() && !isTaskId(stemOf(path))) settling.push(restsAtMs);
        else if (refusal !== undefined) broken.push(refusal);
        else if ("text" in drop) drops.push(drop);
        else broken.push(drop);
      }
      drops.sort((a, b) => a.modifiedAtMs - b.modifiedAtMs || (a.path < b.path ? -1 : 1));
      return { drops, broken, settledAtMs: settling.length === 0 ? undefined : Math.min(...settling), notices: [] };
    },
    async claim(drop, id) {
      const from = join(workspaceDir, drop.path);
      if (existsSync(heldAt(id)) || !existsSync(from)) return undefined;
      const held = join(heldAt(id), drop.path);
      mkdirSync(dirname(held), { recursive: true });
      renameSync(from, held);
      const taken = readDrop(held, drop.path);
      if ("text" in taken && taken.blob === drop.blob) return taken;
      renameSync(held, from);
      rmSync(heldAt(id), { recursive: true });
      return "changed";
    },
    async putBack(id) {
      for (const path of dropPaths(heldAt(id))) renameSync(join(heldAt(id), path), join(workspaceDir, path));
      rmSync(heldAt(id), { recursive: true, force: true });
    },
    async release(id) {
      rmSync(heldAt(id), { recursive: true, force: true });
    },
    async leftClaims() {
      if (!existsSync(acceptingDir)) return [];
      return readdirSync(acceptingDir).flatMap((id) =>
        dropPaths(heldAt(id)).flatMap((path) => {
          const drop = readDrop(join(heldAt(id), path), path);
          return "text" in drop ? [{ id, drop }] : [];
        }),
      );
    },
    refuse: (drop) => {
      refused.set(printOf(drop.path), drop);
    },
    async reportBroken(broken) {
      for (const { path, problems } of broken)
        putOnDisk(
          { dir: workspaceDir, now },
          `${stemOf(path, true)}.error.md`,
          renderErrorFile(path.split("/").at(-1) ?? path, problems),
        );
    },
    async stop() {
      stopped = true;
    },
  };
}

function dropPaths(dir: string): readonly string[] {
  const inbox = join(dir, "inbox");
  if (!existsSync(inbox)) return [];
  return readdirSync(inbox, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md") && !path.endsWith(".error.md") && !/(^|\/)[._]/.test(path))
    .map((path) => `inbox/${path}`);
}

function readDrop(place: string, path: string): Drop | BrokenDrop {
  const text = readFileSync(place, "utf8");
  const blob = hashBlob(Buffer.from(text));
  const folder = path.split("/").slice(1, -1).join("/");
  const folderKey = folder === "" ? undefined : folder;
  const parsed = parseDropText(text, folderKey);
  if (!parsed.ok) return { path, blob, problems: parsed.problems };
  const { spec, warnings } = parsed;
  const modifiedAtMs = statSync(place).mtimeMs;
  return { path, folderKey, text, spec, warnings, blob, modifiedAtMs, changedAtMs: modifiedAtMs };
}

function stemOf(path: string, withFolder = false): string {
  return (withFolder ? path : (path.split("/").at(-1) ?? path)).replace(/\.md$/, "");
}
