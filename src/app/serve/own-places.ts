import { existsSync, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/files/read-bounded.ts";
import { realPathOf } from "../../base/files/real-path.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { codexHomePath } from "../../run/codex/install/codex-home.ts";
import type { Environment } from "../../run/sandbox/environment.ts";
import { profileSettings } from "../../run/sandbox/permission-profile.ts";
import { privatePaths } from "../../run/sandbox/private-paths.ts";
import type { Policy } from "../../task/rights/policy.ts";
import { isBelow } from "../../task/rights/rights.ts";
import type { Confinement } from "../../task/spec/sandbox-profile.ts";
import { type LinkedFile, linkedFiles } from "./hard-links.ts";
import { PACKAGE_DIR } from "./package-facts.ts";

/** Something that we run, or that says what tasks may do: where an agent could write to it, the next run would be its own. */
export interface OwnPlace {
  /** As in "… lies in <what>". */
  readonly what: string;
  /** Absolute, as it is used: a link in it may be replaced like anything else. */
  readonly path: string;
}

/** What of a checkout of ours is run, by us or by its owner's next `npm` command. */
const PACKAGE_ENTRIES = [
  ...["bin", "src", "dist", "node_modules", "demo", ".ci"],
  ...["package.json", "package-lock.json", ".npmrc", "tsconfig.json"],
];
/** Of a repository that has more, the others are not looked at. */
const WORKTREES_MAX = 1_000;
const LINKS_MAX = 40;

export interface OwnPlacesOptions {
  readonly place: WorkspacePlace;
  readonly codexPath: string;
  /** What codex is started with; its PATH is the one that our own programs are found on. */
  readonly environment: Environment;
  /** What the policy says of hooks: a program that we run, and the file of a secret. */
  readonly hooks?: Pick<Policy, "hook" | "webhookSecret">;
  /** The folder of our own package.json, if it is not the one of this program. */
  readonly packageDir?: string;
}

/** Returns where everything lies that no agent may write to. */
export function ownPlaces({
  place,
  codexPath,
  environment,
  packageDir = PACKAGE_DIR,
  hooks,
}: OwnPlacesOptions): readonly OwnPlace[] {
  const { commonDir } = place;
  const home = codexHomePath(environment);
  return [
    ...packageEntries(packageDir).map((path) => ({ what: "the program codex-inbox", path })),
    { what: "the Node.js that runs codex-inbox", path: process.execPath },
    { what: "the codex executable", path: codexFolder(codexPath) },
    ...(home === undefined ? [] : [{ what: "codex's own folder", path: resolve(home) }]),
    ...(hooks?.hook === undefined ? [] : [{ what: "the program of the hook", path: hooks.hook }]),
    { what: "the git directory", path: commonDir },
    { what: "the folder of the coordinator", path: place.stateDir },
    ...linkedWorktrees(commonDir).map((path) => ({ what: "a linked worktree", path: join(path, ".git") })),
    ...pathFolders(environment).map((path) => ({ what: "a folder of the PATH", path })),
  ];
}

/** Returns what holds for every run: what nobody has allowed a task is denied. */
export function confinementOf(places: readonly OwnPlace[], options: OwnPlacesOptions): Confinement {
  const home = codexHomePath(options.environment);
  const { webhookSecret } = options.hooks ?? {};
  const secrets = webhookSecret === undefined ? [] : [webhookSecret];
  const closed = [
    ...(home === undefined ? [] : [home]),
    ...secrets,
    options.place.stateDir,
    ...privatePaths(options.environment),
  ];
  return {
    readDenied: closed.filter((path) => existsSync(path)).map(realPathOf),
    readable: [],
    writeDenied: places.map(({ path }) => realPathOf(path)),
    network: "none",
    mcp: "none",
  };
}

/**
 * Looks whether agents can be kept out of all `places` by the permission profile of their runs.
 *
 * @param roots where tasks may have agents work; absolute
 * @returns the program files that have another name somewhere that was not found, and may be where agents write
 * @throws CoordinatorError `CONFIG` with what to move
 */
export function requireApart(
  places: readonly OwnPlace[],
  roots: readonly string[],
  options: OwnPlacesOptions,
): readonly LinkedFile[] {
  for (const root of roots.map(realPathOf)) {
    for (const { what, path } of places) {
      const real = realPathOf(path);
      if (isBelow(real, root))
        throw wrong(
          `agents would work in ${root}, which lies in ${what} (${real}): serve another folder, or move that one out of the way`,
        );
      const link = linkIn(root, path);
      if (link !== undefined)
        throw wrong(
          `${link} leads to ${what} and lies where agents may write: put what it leads to there, or move it out of ${root}`,
        );
    }
    requireProfile(root, confinementOf(places, options), options);
  }
  const { packageDir = PACKAGE_DIR, codexPath } = options;
  const linked = linkedFiles(packageDir, codexPath, roots.map(realPathOf));
  const twin = linked.find(({ within }) => within !== undefined);
  if (twin !== undefined)
    throw wrong(
      `${twin.path} and ${twin.within} are one file with two names, and agents may write to the second: ${COPIES}`,
    );
  return linked;
}

/** What helps against programs that have two names. */
export const COPIES = "install codex-inbox and codex as copies (npm does; pnpm with package-import-method=copy)";

function requireProfile(workdir: string, confinement: Confinement, { environment, codexPath }: OwnPlacesOptions): void {
  try {
    profileSettings({ level: "workspace-write", ...confinement }, { workdir, environment, codexPath });
  } catch (error) {
    if (!(error instanceof CoordinatorError)) throw error;
    throw new CoordinatorError("CONFIG", error.message, { cause: error });
  }
}

function wrong(message: string): CoordinatorError {
  return new CoordinatorError("CONFIG", message);
}

/** An installed package lies beside all that it needs, in the outermost node_modules; a checkout holds it in folders of its own. */
function packageEntries(packageDir: string): readonly string[] {
  const at = packageDir.indexOf("/node_modules/");
  if (at !== -1) return [packageDir.slice(0, at + "/node_modules".length)];
  return PACKAGE_ENTRIES.map((name) => join(packageDir, name)).filter((path) => existsSync(path));
}

/** The package of codex's platform brings more programs beside the executable. */
function codexFolder(codexPath: string): string {
  const folder = dirname(dirname(codexPath));
  return existsSync(join(folder, "codex-package.json")) ? folder : codexPath;
}

function linkedWorktrees(commonDir: string): readonly string[] {
  const folder = join(commonDir, "worktrees");
  const names = existsSync(folder) ? readdirSync(folder).slice(0, WORKTREES_MAX) : [];
  return names.flatMap((name) => {
    const link = readBoundedText(join(folder, name, "gitdir"), SMALL_FILE_BYTES_MAX)?.trim();
    return link === undefined || link === "" ? [] : [dirname(resolve(join(folder, name), link))];
  });
}

/** An agent that works in a folder below one of the PATH cannot write to that one. */
function pathFolders({ PATH = "" }: Environment): readonly string[] {
  return [...new Set(PATH.split(delimiter))].filter((folder) => folder.startsWith("/") && existsSync(folder));
}

/** Returns the first symbolic link below `root` on the way of `path`, or `undefined`. */
function linkIn(root: string, path: string): string | undefined {
  let left = LINKS_MAX;
  const follow = (start: string): string | undefined => {
    let seen = "/";
    const parts = start.split("/").filter((part) => part !== "");
    for (const [index, part] of parts.entries()) {
      const here = join(seen, part);
      const isLink = lstatSync(here, { throwIfNoEntry: false })?.isSymbolicLink() === true;
      if (!isLink) {
        seen = here;
        continue;
      }
      if (isBelow(root, here)) return here;
      left -= 1;
      if (left < 0) return undefined; // The system follows no more either.
      return follow(join(resolve(seen, readlinkSync(here)), ...parts.slice(index + 1)));
    }
    return undefined;
  };
  return follow(resolve(path));
}
