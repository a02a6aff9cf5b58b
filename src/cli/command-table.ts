import { CoordinatorError } from "../base/errors.ts";
import { nearest } from "../task/text/near-miss.ts";
import type { CliDeps } from "./cli-deps.ts";
import type { Command } from "./command.ts";

type Load = (deps: CliDeps) => Promise<Command>;

/** Each command is loaded when it is the one that runs. */
const COMMANDS: Readonly<Record<string, Load>> = {
  init: async (deps) => (await import("./commands/init.ts")).createInitCommand(deps),
  serve: async (deps) => (await import("./commands/serve.ts")).createServeCommand(deps),
  add: async (deps) => (await import("./commands/tasks/add.ts")).createAddCommand(deps),
  start: async (deps) => (await import("./commands/tasks/start.ts")).createStartCommand(deps),
  send: async (deps) => (await import("./commands/tasks/send.ts")).createSendCommand(deps),
  ls: async (deps) => (await import("./commands/tasks/ls.ts")).createLsCommand(deps),
  status: async (deps) => (await import("./commands/status.ts")).createStatusCommand(deps),
  sessions: async (deps) => (await import("./commands/sessions/sessions.ts")).createSessionsCommand(deps),
  show: async (deps) => (await import("./commands/tasks/show.ts")).createShowCommand(deps),
  diff: async (deps) => (await import("./commands/tasks/diff.ts")).createDiffCommand(deps),
  log: async (deps) => (await import("./commands/tasks/log.ts")).createLogCommand(deps),
  wait: async (deps) => (await import("./commands/tasks/wait.ts")).createWaitCommand(deps),
  stop: async (deps) => (await import("./commands/tasks/stop.ts")).createStopCommand(deps),
  retry: async (deps) => (await import("./commands/tasks/retry.ts")).createRetryCommand(deps),
  edit: async (deps) => (await import("./commands/tasks/edit.ts")).createEditCommand(deps),
  pause: async (deps) => (await import("./commands/pause.ts")).createPauseCommand(deps),
  resume: async (deps) => (await import("./commands/resume.ts")).createResumeCommand(deps),
  open: async (deps) => (await import("./commands/open.ts")).createOpenCommand(deps),
  attach: async (deps) => (await import("./commands/sessions/attach.ts")).createAttachCommand(deps),
  land: async (deps) => (await import("./commands/sessions/land.ts")).createLandCommand(deps),
  archive: async (deps) => (await import("./commands/sessions/archive.ts")).createArchiveCommand(deps),
  sync: async (deps) => (await import("./commands/sync.ts")).createSyncCommand(deps),
  "compact-tasks": async (deps) => (await import("./commands/compact-tasks.ts")).createCompactTasksCommand(deps),
  worktree: async (deps) => (await import("./commands/sessions/worktree.ts")).createWorktreeCommand(deps),
  scan: async (deps) => (await import("./commands/scan.ts")).createScanCommand(deps),
  doctor: async (deps) => (await import("./commands/doctor.ts")).createDoctorCommand(deps),
  policy: async (deps) => (await import("./commands/policy.ts")).createPolicyCommand(deps),
  completion: async (deps) =>
    (await import("./commands/completion.ts")).createCompletionCommand(deps, () => loadCommands(deps)),
};

/** Other names of commands, as people expect them. */
const ALIASES: Readonly<Record<string, string>> = { ask: "add" };

/** Returns the command of this name. @throws CoordinatorError `USAGE`, with the one that was likely meant */
export async function loadCommand(deps: CliDeps, name: string): Promise<Command> {
  const known = Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
  const load = known !== undefined && Object.hasOwn(COMMANDS, known) ? COMMANDS[known] : undefined;
  if (load !== undefined) return load(deps);
  if (name.startsWith("-"))
    throw new CoordinatorError(
      "USAGE",
      `${name} stands before a command; options go behind it: codex-inbox <command> ${name}`,
    );
  const names = [...Object.keys(COMMANDS), ...Object.keys(ALIASES)];
  const [begun, other] = names.filter((one) => one.startsWith(name));
  const near = other === undefined && begun !== undefined ? begun : nearest(name, names);
  const hint = near === undefined ? "codex-inbox help lists them" : `did you mean "${near}"?`;
  throw new CoordinatorError("USAGE", `there is no command "${name}"; ${hint}`);
}

/** Returns every command, in the order of the help. */
export function loadCommands(deps: CliDeps): Promise<readonly Command[]> {
  return Promise.all(
    Object.entries(COMMANDS).map(async ([name, load]) => {
      const aliases = Object.keys(ALIASES).filter((alias) => ALIASES[alias] === name);
      return { ...(await load(deps)), aliases };
    }),
  );
}
