import { createLivePolicy } from "../../config/live-policy.ts";
import { storedTexts } from "../../git/repository/stored-texts.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { statePaths } from "../../store/state-paths.ts";
import type { KeptText } from "../../task/text/kept-text.ts";
import { openKeeper } from "../open-keeper.ts";

export interface ScanOptions {
  /** `undefined`: what HEAD names. */
  readonly branch: string | undefined;
  /** All that the branch can reach, and not only what it holds now. */
  readonly history: boolean;
}

/** Where a secret is; never the secret. */
export interface ScanFinding {
  readonly commit: string;
  /** A name that holds a secret is shown as it would be kept; `null`: the message of the commit. */
  readonly path: KeptText | null;
  /** From 1; 0 where it is in the name. */
  readonly line: number;
  readonly kind: string;
}

export interface ScanReport {
  readonly branch: string;
  readonly history: boolean;
  readonly scanned: { readonly texts: number; readonly bytes: number };
  readonly findings: readonly ScanFinding[];
  /** Files that are too large to be looked through. */
  readonly notScanned: readonly KeptText[];
}

/** @throws CoordinatorError `NOT_FOUND` */
export async function scanBranch(
  place: WorkspacePlace,
  { branch = "HEAD", history }: ScanOptions,
  environment: NodeJS.ProcessEnv,
): Promise<ScanReport> {
  const policy = createLivePolicy(statePaths(place.stateDir).policy, place.workRoot);
  const keeper = await openKeeper(environment, policy.current());
  const findings: ScanFinding[] = [];
  const notScanned: KeptText[] = [];
  let [texts, bytes] = [0, 0];
  for await (const { commit, path, content } of storedTexts(place, branch, history)) {
    const shown = path === undefined ? null : keeper.keepName(path);
    for (const kind of path === shown || path === undefined ? [] : keeper.kindsIn(path))
      findings.push({ commit, path: shown, line: 0, kind });
    if (content === undefined) {
      if (shown !== null) notScanned.push(shown);
      continue;
    }
    texts += 1;
    bytes += content.length;
    for (const { line, kind } of await keeper.placesIn(content.toString("utf8")))
      findings.push({ commit, path: shown, line, kind });
  }
  return { branch, history, scanned: { texts, bytes }, findings, notScanned };
}
