import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import { readStamp } from "../../../base/files/file-stamp.ts";
import { loadConfig } from "../../../config/config.ts";
import { CONFIG_FILE } from "../../../config/config-file.ts";
import { readPolicy } from "../../../config/policy.ts";
import { createUncommittedSettings } from "../../../config/uncommitted-settings.ts";
import { listInbox } from "../../../intake/inbox/inbox-walk.ts";
import { INBOX } from "../../../task/records/workspace-paths.ts";
import type { Policy } from "../../../task/rights/policy.ts";
import { shortName } from "../../committed-config.ts";
import type { Check, Tell } from "../check.ts";
import { CannotLook, type Ground } from "../ground.ts";

/** More of inbox/ is not looked at. */
const ENTRIES_MAX = 50_000;

/** Where tasks are dropped can be read. */
export const inboxCheck: Check = {
  name: "inbox",
  what: "inbox/ is a folder that can be read, with all that lies in it",
  why: "What cannot be read there is never taken, and nobody is told but the log",
  async look({ place }, tell) {
    const path = join(place.workspaceDir, INBOX);
    if (readStamp(path) === undefined)
      tell.note({
        path,
        message: "it is not there: nothing can be dropped",
        remedy: `mkdir ${INBOX}; every command that hands in a task makes it`,
        repair: {
          what: "makes the folder",
          run() {
            mkdirSync(path);
            return undefined;
          },
        },
      });
    const { files, notices } = await listInbox(place.workspaceDir, ENTRIES_MAX);
    tell.looked("drops", files.length);
    for (const message of notices) tell.problem({ path, message, remedy: "put that right: it is taken then" });
  },
};

/** The settings count as the branch has them. */
export const settingsCheck: Check = {
  name: "settings",
  what: `${CONFIG_FILE} of the branch, and the variables of the environment, are valid settings`,
  why: "A coordinator does not start with settings that it does not understand; one at work keeps the last good ones",
  async look(ground, tell) {
    const { place, branch = "" } = ground;
    const tip = await ground.tip();
    const name = `${CONFIG_FILE} of ${shortName(branch)}`;
    const text = await tip.readText(CONFIG_FILE);
    if (text === undefined && (await tip.treeId(CONFIG_FILE)) !== undefined)
      tell.problem({
        path: CONFIG_FILE,
        message: "it is no plain file but a folder or a submodule",
        remedy: "commit a file in its place, or nothing",
      });
    else
      try {
        loadConfig({ text, name }, ground.environment, {});
      } catch (error) {
        if (!(error instanceof CoordinatorError)) throw error;
        tell.problem({ path: CONFIG_FILE, message: error.message, remedy: "put it right and commit it" });
      }
    const waits = createUncommittedSettings(place.workspaceDir, shortName(branch)).look(text);
    if (waits !== undefined) tell.note({ path: CONFIG_FILE, message: waits, remedy: "commit it, so that it counts" });
  },
};

/** What tasks may ask for. */
export const policyCheck: Check = {
  name: "policy",
  what: "policy.json is a valid policy that its owner alone can write, and what it names is there",
  why: "It says what tasks may do on this machine: a coordinator does not start with one that anybody could have written",
  look(ground, tell) {
    const policy = policyOf(ground, tell);
    if (policy === undefined) return;
    tellMissing(ground, policy, tell);
    for (const kind of ["commit", "agent"] as const) {
      const sandbox = policy.origins[kind]?.sandbox ?? policy.sandbox;
      if (sandbox !== "danger-full-access") continue;
      const who = kind === "commit" ? "whoever can push" : "every agent, by a file in inbox/,";
      tell.note({
        path: ground.paths.policy,
        message: `${who} may have tasks run without a sandbox`,
        remedy: `if you did not mean that: codex-inbox policy set sandbox workspace-write --origin ${kind}`,
      });
    }
  },
};

/** Returns the policy in force; tells what is wrong with it. */
function policyOf({ paths, place, repairs }: Ground, tell: Tell): Policy | undefined {
  try {
    return readPolicy(paths.policy, place.workRoot);
  } catch (error) {
    if (!(error instanceof CoordinatorError)) throw error;
    const stamp = readStamp(paths.policy);
    const isOpen = stamp?.kind === "file" && (stamp.mode & 0o022) !== 0;
    tell.problem({
      path: paths.policy,
      message: error.message,
      remedy: isOpen
        ? "look that nobody has changed it (codex-inbox policy shows it)"
        : "put it right, or remove it: then the defaults hold (docs/spec-policy.md)",
      ...(isOpen && { repair: repairs.closeToOthers(paths.policy) }),
    });
    return undefined;
  }
}

function tellMissing({ paths }: Ground, policy: Policy, tell: Tell): void {
  const named: readonly (readonly [key: string, path: string | undefined])[] = [
    ["codex", policy.codex],
    ["codexHome", policy.codexHome],
    ["worktreesDir", policy.worktreesDir],
    ["hook", policy.hook],
    ["webhookSecret", policy.webhookSecret],
    ...[policy, ...Object.values(policy.origins)].flatMap((rights) =>
      (["workdirs", "readable"] as const).flatMap((key) => (rights?.[key] ?? []).map((path) => [key, path] as const)),
    ),
  ];
  for (const [key, path] of named) {
    tell.looked("paths", path === undefined ? 0 : 1);
    if (path === undefined || !path.startsWith("/") || existsSync(path)) continue;
    tell[key === "codex" ? "problem" : "note"]({
      path: paths.policy,
      message: `${key} names ${path}, where nothing is`,
      remedy: `put it there, or: codex-inbox policy ${/^(?:codex|hook|webhook)/.test(key) ? `reset ${key}` : `deny ${key} ${path}`}`,
    });
  }
}

/** Returns the policy in force. @throws CannotLook where it is not valid */
export function requirePolicy({ paths, place }: Pick<Ground, "paths" | "place">): Policy {
  try {
    return readPolicy(paths.policy, place.workRoot);
  } catch (error) {
    if (error instanceof CoordinatorError) throw new CannotLook('the policy is not valid: see "policy"');
    throw error;
  }
}
