import { relative } from "node:path";
import { createObjectReader, type ObjectReader, type StoredObject } from "../objects/object-reader.ts";
import { fromByteName, isFolder, isPlainFile, parseTree } from "../objects/tree-format.ts";
import type { WorkspacePlace } from "../repository/workspace-place.ts";

/** Where a workspace lies: the git directory and the top of its work tree, and its folder there. Absolute, links resolved. */
type HomePlace = Pick<WorkspacePlace, "gitDir" | "topDir" | "workspaceDir">;

/** Reads the tip of a branch without touching anything: for commands that run beside a coordinator. Paths are relative to the workspace. */
export interface BranchReader {
  readText(path: string): Promise<string | undefined>;
  treeId(path: string): Promise<string | undefined>;
  blobAt(path: string): Promise<string | undefined>;
  listFolder(path: string): Promise<readonly { readonly name: string; readonly kind: "file" | "folder" }[]>;
  /** Ends its git; a later call starts another. */
  close(): void;
}

/** Creates the reader of `branch` ("refs/heads/main") for a workspace. All calls share one git, that of `objects`. */
export function createBranchReader(
  place: HomePlace,
  branch: string,
  objects: ObjectReader = createObjectReader(place),
): BranchReader {
  const folder = relative(place.topDir, place.workspaceDir);
  const prefix = folder === "" ? "" : `${folder}/`;

  async function find(path: string): Promise<StoredObject | undefined> {
    return path.includes("\n") ? undefined : objects.read(`${branch}:${prefix}${path}`);
  }

  const idOf = async (path: string): Promise<string | undefined> => (await find(path))?.id;

  return {
    close: () => objects.close(),
    treeId: idOf,
    blobAt: idOf,
    async readText(path) {
      const found = await find(path);
      return found?.type === "blob" ? found.content.toString("utf8") : undefined;
    },
    async listFolder(path) {
      const found = await find(path);
      if (found?.type !== "tree") return [];
      const entries = [...parseTree(found.content, found.id.length === 40 ? "sha1" : "sha256")];
      return entries
        .filter(([, entry]) => isFolder(entry) || isPlainFile(entry))
        .map(([name, entry]) => ({ name: fromByteName(name), kind: isFolder(entry) ? "folder" : "file" }));
    },
  };
}
