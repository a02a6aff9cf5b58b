import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { diskPath, fromByteName } from "../objects/tree-format.ts";
import { runGit } from "../process/git-process.ts";
import { type KnownRepository, locateRepository } from "../repository/known-repositories.ts";
import type { LeftOut } from "./candidates.ts";
import type { PrivateIndex } from "./private-index.ts";

/**
 * Names the submodules in which something is not committed: a commit says of a submodule which commit of its own it is at, and no more.
 * Asks nothing where there are none.
 *
 * @param filtersOff as `ConfiguredPrograms.forListing`
 */
export async function listDirtySubmodules(
  repository: KnownRepository,
  index: PrivateIndex,
  filtersOff: (module: KnownRepository) => Promise<Readonly<Record<string, string>>>,
): Promise<readonly LeftOut[]> {
  if (!existsSync(join(repository.topDir, ".gitmodules"))) return [];
  const { environment } = index;
  const { stdout } = await runGit(repository, ["ls-files", "-z", "--stage"], { environment });
  const links = stdout
    .toString("latin1")
    .split("\0")
    .filter((record) => record.startsWith("160000 "));
  const found = await Promise.all(
    links.map(async (record) => {
      const name = record.slice(record.indexOf("\t") + 1);
      const path = fromByteName(name);
      const dir = join(repository.topDir, path);
      const module = existsSync(join(dir, ".git")) ? locateRepository(dir) : undefined;
      // Its git directory lies in ours, where no agent writes: another one is not to be trusted with git.
      const isOurs = [repository.gitDir, repository.commonDir].some(
        (gitDir) => module?.gitDir.startsWith(join(gitDir, "modules/")) === true,
      );
      if (module?.topDir !== dir || !isOurs) {
        const inside = filesIn(diskPath(repository.topDir, name));
        if (inside.length === 0) return [];
        return [
          { path, bytes: 0, why: "a submodule that is not checked out, with files in it", stamp: inside.join("\0") },
        ];
      }
      const args = ["ls-files", "-z", "--modified", "--deleted", "--others", "--exclude-standard"];
      const { status, stdout: changed } = await runGit(module, args, { environment: await filtersOff(module) });
      if (status === 0 && changed.length === 0) return [];
      const why = "a submodule with changes that are not committed in it";
      return [{ path, bytes: 0, why, stamp: changed.toString("latin1") }];
    }),
  );
  return found.flat();
}

/** The names in a folder, where it is one. */
function filesIn(dir: Buffer): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return []; // It is gone, or a file now: then it is listed like one.
  }
}
