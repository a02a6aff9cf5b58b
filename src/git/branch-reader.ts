import { runGit } from "./git-process.ts";

/** Reads the tip of a branch without touching anything: for commands that run beside a coordinator. Paths are relative to the workspace. */
export interface BranchReader {
  readText(path: string): Promise<string | undefined>;
  treeId(path: string): Promise<string | undefined>;
  blobAt(path: string): Promise<string | undefined>;
  listFolder(path: string): Promise<readonly { readonly name: string; readonly kind: "file" | "folder" }[]>;
}

/** Creates the reader of `branch` ("refs/heads/main") for the workspace at `workspaceDir` (absolute). Each call starts one git. */
export function createBranchReader(workspaceDir: string, branch: string): BranchReader {
  const treeId = async (path: string): Promise<string | undefined> => {
    const { status, stdout } = await runGit(workspaceDir, ["rev-parse", "--verify", "--quiet", `${branch}:./${path}`]);
    return status === 0 ? stdout.toString("utf8").trim() : undefined;
  };
  return {
    treeId,
    blobAt: treeId,
    async readText(path) {
      const { status, stdout } = await runGit(workspaceDir, ["cat-file", "blob", `${branch}:./${path}`]);
      return status === 0 ? stdout.toString("utf8") : undefined;
    },
    async listFolder(path) {
      const { status, stdout } = await runGit(workspaceDir, ["ls-tree", "-z", `${branch}:./${path}`]);
      if (status !== 0) return [];
      return stdout
        .toString("utf8")
        .split("\0")
        .filter((entry) => entry !== "")
        .map((entry) => {
          const [mode = "", type = ""] = entry.split(" ", 2);
          return {
            name: entry.slice(entry.indexOf("\t") + 1),
            kind: type === "tree" || mode === "040000" ? "folder" : "file",
          };
        });
    },
  };
}
