import type { Log, Surroundings } from "../base/surroundings.ts";
import type { ClaimsRemote } from "../dispatch/claims/claims-remote.ts";
import type { TaskClaimsDeps } from "../dispatch/claims/task-claims.ts";
import type { Branch } from "../git/branch.ts";
import type { Remote } from "../git/sync/remote.ts";
import type { Intake } from "../intake/inbox/intake.ts";
import type { PromptAssembly } from "../prompt/prompt-assembly.ts";
import type { BranchSyncDeps } from "../publish/branch-sync.ts";
import type { AgentDriver, RunStore, VerifyDriver } from "../run/driver.ts";
import type { CodexPort, SandboxPort } from "../run/ports.ts";
import type { RunPlaces } from "../run/workplace/run-places.ts";
import type { Workplace } from "../run/workplace/workplace.ts";
import type { createFileSyncs } from "../store/journal/file-syncs.ts";
import type { OwnThreads } from "../store/own-threads.ts";
import type { Sessions } from "../store/sessions/session-store.ts";
import type { StatePaths } from "../store/state-paths.ts";
import type { CodexInstallation } from "../task/state/run.ts";
import type { Keeper } from "../task/text/kept-text.ts";
import type { HookSettings } from "./hooks/call-hook.ts";
import type { LiveSettings } from "./live-settings.ts";
import type { QueriesDeps } from "./queries/queries.ts";

/** What a coordinator is made of: its place, its edges and its settings. */
export interface CoordinatorDeps {
  readonly paths: StatePaths;
  readonly workspaceDir: string;
  readonly branchName: string;
  readonly clone: string;
  readonly version: string;
  readonly branch: Branch;
  /** Opens the link to a remote of git's configuration. */
  readonly openSync: BranchSyncDeps["open"];
  /** The redaction boundary. */
  readonly keeper: Keeper;
  readonly fileSyncs: typeof createFileSyncs;
  readonly intake: (onHint: () => void, onNotice: (message: string) => void) => Intake;
  readonly agents: AgentDriver;
  readonly verifications: VerifyDriver;
  readonly runStore: RunStore;
  readonly sessions: Sessions;
  readonly ownThreads: OwnThreads;
  readonly workTree: Workplace;
  readonly places: RunPlaces;
  readonly prompts: PromptAssembly;
  readonly codex: CodexPort;
  readonly sandbox: SandboxPort;
  readonly installation: CodexInstallation;
  readonly history: QueriesDeps["history"];
  readonly settings: () => LiveSettings;
  /** Looks whether the settings were edited; returns what is wrong with them now. */
  readonly reloadSettings: () => string | undefined;
  /** Reads the settings of the branch, as it was seen last. */
  readonly readSettings: () => Promise<void>;
  /** What of the settings waits in the work tree to be committed, in words. */
  readonly uncommittedSettings: () => string | undefined;
  /** Runs queued tasks that other clones accepted. */
  readonly takeOver: boolean;
  /** The clones that share a remote, and what this one is called. */
  readonly claims: {
    readonly names: TaskClaimsDeps["names"];
    /** Returns the claims of the remote that the branch is kept in step with; the same object for the same one. */
    readonly of: (synced: Remote | undefined) => ClaimsRemote | undefined;
    /** Tells when the remote was seen beside the sync. */
    readonly onSeen?: (listener: () => void) => void;
  };
  /** Who is told what ends and what holds the queue. */
  readonly hooks: () => HookSettings;
  /** The environment of this process: programs of hooks get a little of it. */
  readonly environment: NodeJS.ProcessEnv;
  readonly surroundings: Surroundings;
  readonly log: Log;
}
