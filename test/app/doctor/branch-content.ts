import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import type { Finding } from "../../../src/app/doctor/check.ts";
import { CHECKS } from "../../../src/app/doctor/check-table.ts";
import { type BranchTip, type Ground, openGround } from "../../../src/app/doctor/ground.ts";
import { createBranchLedger } from "../../../src/store/branch/branch-ledger.ts";
import { hashBlob } from "../../support/blob-and-id.ts";
import { damagedWorkspace } from "./damaged-workspace.ts";

/** What the branch of a served workspace holds, for tests to damage: no git is asked. */
export interface BranchContent {
  /** Of the task of `docs`, and its file. */
  readonly task: string;
  readonly file: string;
  /** By path. */
  readonly files: Map<string, string>;
  /** Ids of tasks with a journal. */
  readonly journals: Set<string>;
  edit(path: string, change: (text: string) => string): void;
  /** Makes one check of it. */
  look(name: string, all: boolean): Promise<readonly (Finding & { readonly level: "problem" | "note" })[]>;
}

let served: Promise<BranchContent> | undefined;

/** Returns a copy of its own for one test. */
export async function branchContent(): Promise<BranchContent> {
  served ??= readContent();
  const { task, file, files: all, journals: ids } = await served;
  return contentOf({ task, file, files: new Map(all), journals: new Set(ids) });
}

async function readContent(): Promise<BranchContent> {
  const { repo, task, file } = await damagedWorkspace();
  const paths = ["tasks.md", ...filesBelow(repo.dir, "sessions")];
  const files = new Map(paths.map((path) => [path, repo.read(path) ?? ""]));
  return contentOf({ task, file, files, journals: new Set([task]) });
}

function filesBelow(dir: string, folder: string): readonly string[] {
  return readdirSync(join(dir, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)));
}

function contentOf(content: Pick<BranchContent, "task" | "file" | "files" | "journals">): BranchContent {
  const { files } = content;
  return {
    ...content,
    edit: (path, change) => void files.set(path, change(files.get(path) ?? "")),
    async look(name, all) {
      const check = CHECKS.find((one) => one.name === name);
      const found: (Finding & { readonly level: "problem" | "note" })[] = [];
      await check?.look(groundOf(content, all), {
        problem: (finding) => void found.push({ ...finding, level: "problem" }),
        note: (finding) => void found.push({ ...finding, level: "note" }),
        ...{ looked: () => undefined, fact: () => undefined },
      });
      return found;
    },
  };
}

function groundOf({ files, journals, file }: Pick<BranchContent, "files" | "journals" | "file">, all: boolean): Ground {
  const [, clone] = /^acceptedBy: (\S+)$/m.exec(files.get(file) ?? "") ?? [];
  const place = {
    ...{ workspaceDir: "/w", topDir: "/w", workRoot: "/w" },
    gitDir: "/g",
    commonDir: "/g",
    stateDir: "/s",
  };
  const branch = "refs/heads/main";
  const options = { environment: {}, all, now: () => 0, isServed: false, lastHolder: undefined };
  return {
    ...openGround({ place: { ...place, branch }, ...options }),
    ...{ branch, clone, journalIds: () => journals, tip: async () => tipOf(files) },
  };
}

function tipOf(files: ReadonlyMap<string, string>): BranchTip {
  const idOf = (path: string): string | undefined => {
    const text = files.get(path);
    if (text !== undefined) return hashBlob(Buffer.from(text));
    const below = [...files].filter(([one]) => one.startsWith(`${path}/`));
    return below.length === 0 ? undefined : hashBlob(Buffer.from(JSON.stringify(below)));
  };
  const reader = {
    readText: async (path: string) => files.get(path),
    ...{ blobAt: async (path: string) => idOf(path), treeId: async (path: string) => idOf(path) },
    async listFolder(path: string) {
      const below = [...files.keys()]
        .filter((one) => one.startsWith(`${path}/`))
        .map((one) => one.slice(path.length + 1));
      const names = Map.groupBy(below.sort(), (one) => one.split("/", 1)[0] ?? "");
      return [...names].map(([name, [first]]) => ({
        name,
        kind: first === name ? ("file" as const) : ("folder" as const),
      }));
    },
  };
  return { ...reader, commit: "c".repeat(40), ledger: createBranchLedger(reader) };
}
