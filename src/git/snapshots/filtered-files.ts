import { fromByteName } from "../objects/tree-format.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import type { Candidates } from "./candidates.ts";

/**
 * Leaves out of `chosen` what a filter of the user's, which is not run for us, would have to convert: what it keeps from git (as one that
 * encrypts does) is not to be in a commit of ours. Asks nothing where every filter is one that runs.
 *
 * @param environment as `ConfiguredPrograms.forListing` gives it
 * @throws GitError
 */
export async function withoutFiltered(
  chosen: Candidates,
  repository: KnownRepository,
  environment: Readonly<Record<string, string>>,
): Promise<Candidates> {
  const off = new Set(
    Object.entries(environment).flatMap(([key, value]) =>
      key.startsWith("GIT_CONFIG_KEY_") ? [/^filter\.(.*)\.clean$/s.exec(value)?.[1]] : [],
    ),
  );
  if (off.size === 0 || chosen.add.length === 0) return chosen;
  const input = Buffer.from(chosen.add.map(({ path }) => `${path}\0`).join(""), "latin1");
  const { status, stdout, stderr } = await runGit(repository, ["check-attr", "-z", "--stdin", "filter"], { input });
  if (status !== 0) throw new GitError(`git check-attr in ${repository.topDir}: ${stderr}`);
  // Records "<path>\0filter\0<value>\0", in the order of the questions.
  const words = stdout.toString("latin1").split("\0");
  const filterOf = (index: number): string => words[index * 3 + 2] ?? "";
  const isOff = (_file: unknown, index: number): boolean => off.has(filterOf(index));
  const leftOut = chosen.add.flatMap((file, index) => {
    const why = `its filter "${filterOf(index)}" is not run here`;
    return isOff(file, index) ? [{ ...file, path: fromByteName(file.path), why }] : [];
  });
  return {
    ...chosen,
    add: chosen.add.filter((file, index) => !isOff(file, index)),
    leftOut: [...chosen.leftOut, ...leftOut],
  };
}
