import { CoordinatorError } from "../base/errors.ts";
import type { Config, SettingsText } from "../config/config.ts";
import { CONFIG_FILE } from "../config/config-file.ts";
import { createBranchReader } from "../git/commit/branch-reader.ts";
import { createObjectReader, type ObjectReader } from "../git/objects/object-reader.ts";
import type { WorkspacePlace } from "../git/repository/workspace-place.ts";
import { statePaths } from "../store/state-paths.ts";
import { readServer } from "./queries/server-record.ts";

/** Returns the settings that `branch` ("refs/heads/main") holds now. @throws CoordinatorError `CONFIG` where something else stands there */
export async function readSettingsOf(place: WorkspacePlace, branch: string): Promise<SettingsText> {
  const objects = createObjectReader(place);
  try {
    return await readSettings(place, branch, objects);
  } finally {
    objects.close();
  }
}

/** Does the same by a reader of the caller's. */
export async function readSettings(
  place: WorkspacePlace,
  branch: string,
  objects: ObjectReader,
): Promise<SettingsText> {
  const reader = createBranchReader(place, branch, objects);
  const [name, text] = [`${CONFIG_FILE} of ${shortName(branch)}`, await reader.readText(CONFIG_FILE)];
  if (text === undefined && (await reader.treeId(CONFIG_FILE)) !== undefined)
    throw new CoordinatorError("CONFIG", `${name} is no plain file but a folder or a submodule`);
  return { text, name };
}

/** Returns the settings of the branch that is served, or would be; `undefined` where they are wrong: `serve` says so. */
export async function committedConfig(
  place: WorkspacePlace,
  environment: NodeJS.ProcessEnv,
): Promise<Config | undefined> {
  const branch = readServer(statePaths(place.stateDir).server)?.branch ?? place.branch;
  if (branch === undefined) return undefined;
  // Its schema is loaded by few commands.
  const { loadConfig } = await import("../config/config.ts");
  try {
    return loadConfig(await readSettingsOf(place, branch), environment, {});
  } catch (error) {
    if (error instanceof CoordinatorError) return undefined;
    throw error;
  }
}

export function shortName(branch: string): string {
  return branch.replace(/^refs\/heads\//, "");
}
