import type { ShownPolicy } from "../../app/change-policy.ts";
import { CoordinatorError } from "../../base/errors.ts";
import { POLICY_KEYS, POLICY_LISTS, type Policy } from "../../task/rights/policy.ts";
import { POLICY_ACTIONS } from "../../task/rights/policy-change.ts";
import type { CliDeps } from "../cli-deps.ts";
import type { Command } from "../command.ts";

export function createPolicyCommand(deps: CliDeps): Command {
  return {
    name: "policy",
    summary: "Show or change what tasks may ask for on this machine",
    usage: `[--json] [${POLICY_ACTIONS.join("|")} <key> [<value> …]]`,
    help: [
      "set sandbox <level>            the highest: read-only, workspace-write (default), danger-full-access",
      "set verify <place>             where verify commands run: sandboxed (default), unsandboxed",
      "set codex <path>               the codex executable, where neither --codex nor CODEX_INBOX_CODEX names one",
      "set codexHome <path>           codex's own folder, where CODEX_HOME names none; both are read when serve starts",
      "allow workdirs <path> …        folders besides the working tree that a task may work in or below",
      "allow images <path> …          files or folders besides the working tree that images may come from",
      "allow codexConfig <key> …      settings of codex that a task may make",
      "allow environment <name> …     variables of the coordinator's environment that a task may be passed",
      "set maxDropsPerRun <number>    how many files that one run of an agent leaves in inbox/ become tasks: 20; 0 is none",
      `deny <list> <value> …          takes back what was allowed; lists are ${POLICY_LISTS.join(", ")}`,
      `reset <key>                    makes ${POLICY_KEYS.slice(0, 2).join(", ")}, … what it was at first`,
      "--json                         print the policy as JSON",
      "",
      "The policy is a file of this clone alone, beside the repository's own in its git directory; it is never committed. A running",
      "coordinator goes by a change within a second. An agent that may do anything (danger-full-access) may change it too.",
    ],
    options: { json: { type: "boolean" } },
    words: { min: 0, max: Number.POSITIVE_INFINITY },
    async run({ flags, words }) {
      const [action, key, ...values] = words;
      if (action === "show" && key === undefined)
        throw new CoordinatorError("USAGE", "policy alone shows what is allowed");
      const shown = await deps.app.policy(action === undefined ? undefined : { action, key, values });
      if (flags.json === true) deps.printText(JSON.stringify(asJson(shown), null, 2));
      else for (const line of policyLines(shown)) deps.print(line);
      return 0;
    },
  };
}

function asJson({ policy, path, workRoot }: ShownPolicy): unknown {
  const { codex, codexHome, ...rights } = policy;
  return { path, workRoot, ...rights, codex: codex ?? null, codexHome: codexHome ?? null };
}

function policyLines({ policy, path, workRoot }: ShownPolicy): readonly string[] {
  const lines: Readonly<Record<keyof Policy, string>> = {
    sandbox: `at most ${policy.sandbox}`,
    verify: policy.verify === "sandboxed" ? "sandboxed, at the level of the task" : "unsandboxed",
    workdirs: [workRoot, ...policy.workdirs].join(", "),
    images: [workRoot, ...policy.images].join(", "),
    codexConfig: policy.codexConfig.join(", ") || "none",
    environment: policy.environment.join(", ") || "none",
    maxDropsPerRun: `${policy.maxDropsPerRun} files that one run of an agent leaves in inbox/ become tasks`,
    codex: policy.codex ?? "--codex, CODEX_INBOX_CODEX, or the one on the PATH",
    codexHome: policy.codexHome ?? "CODEX_HOME, or codex's own default",
  };
  return [...POLICY_KEYS.map((key) => `${key.padEnd(14)} ${lines[key]}`), `${"file".padEnd(14)} ${path}`];
}
