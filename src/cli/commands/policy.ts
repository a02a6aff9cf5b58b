import type { ShownPolicy } from "../../app/actions/change-policy.ts";
import { CoordinatorError } from "../../base/errors.ts";
import { ORIGIN_KINDS } from "../../task/rights/origin-kind.ts";
import { rightsByOrigin } from "../../task/rights/origin-rights.ts";
import { type Policy, RIGHT_KEYS } from "../../task/rights/policy.ts";
import { POLICY_ACTIONS } from "../../task/rights/policy-change.ts";
import { POLICY_KEYS, POLICY_LISTS, type PolicyKey } from "../../task/rights/policy-value.ts";
import type { CliDeps } from "../cli-deps.ts";
import { type Command, printJson, textFlag } from "../command.ts";

export function createPolicyCommand(deps: CliDeps): Command {
  return {
    name: "policy",
    summary: "Show or change what tasks may ask for on this machine",
    usage: `[--json] [${POLICY_ACTIONS.join("|")} [--origin <origin>] <key> [<value> …]] [allow-author <e-mail> …]`,
    help: [
      "set sandbox <level>            the highest: read-only, workspace-write (default), danger-full-access",
      "set verify <place>             where verify commands run: sandboxed (default), unsandboxed",
      "set codex <path>               the codex executable, where neither --codex nor CODEX_INBOX_CODEX names one",
      "set codexHome <path>           codex's own folder, where CODEX_HOME names none; both are read when serve starts",
      "set worktreesDir <path>        where the worktrees of sessions are made; beside the checkout without it",
      "set author <name <address>>    author of our commits: codex-inbox, with your address; read when serve starts",
      "set hook <path>                a program that is told what ends and what holds the queue (docs/spec-hooks.md)",
      "set webhook <address>          where that is posted to, signed by what is in the file that webhookSecret names",
      "set name <name>                what this clone is called by tasks that say where they run (runsOn): at first its id",
      "allow labels <name> …          further names of it",
      "allow workdirs <path> …        folders besides the working tree that a task may work in or below",
      "allow images <path> …          files or folders besides the working tree that images may come from",
      "allow codexConfig <key> …      settings of codex that a task may make",
      "allow environment <name> …     variables of the coordinator's environment that a task may be passed",
      "set verifyCommand <choice>     none, listed or any; at first listed for tasks of commits and agents, any for your own",
      "allow verifyCommands <text> …  the listed ones; those in the committed codex-inbox.json are listed too",
      "set resume <choice>            codex threads that no task here has made: none (default), any",
      "set network <choice>           of the commands of a run: none (default), full",
      "set mcp <choice>               MCP servers, apps and plugins of your own codex configuration: none (default), own",
      "allow readable <path> …        what a run may read although credentials lie there",
      "set notes <choice>             which notes are put beside prompts: any (default), committed",
      "set holdNewAuthors <choice>    true: a task of a commit waits until its author is allowed; false (default)",
      "allow-author <e-mail> …        allows the authors of commits, by the addresses that these name",
      "set maxDropsPerRun <number>    how many files that one run of an agent leaves in inbox/ become tasks: 20; 0 is none",
      `deny <list> <value> …          takes back what was allowed; lists are ${POLICY_LISTS.join(", ")}`,
      `reset <key>                    makes ${POLICY_KEYS.slice(0, 2).join(", ")}, … what it was at first`,
      `--origin <origin>              for tasks that come one way alone: ${ORIGIN_KINDS.join(", ")}`,
      "--json                         print the policy as JSON",
      "",
      "A change prints what it has changed.",
      "",
      "The policy is a file of this clone alone, beside the repository's own in its git directory; it is never committed. A running",
      "coordinator goes by a change within a second. An agent that may do anything (danger-full-access) may change it too.",
    ],
    options: { json: { type: "boolean" }, origin: { type: "string" } },
    words: { min: 0, max: Number.POSITIVE_INFINITY },
    async run(input) {
      const { flags } = input;
      const [first, ...rest] = input.words;
      const [action, key, ...values] = first === "allow-author" ? ["allow", "authors", ...rest] : input.words;
      const origin = textFlag(input, "origin");
      if (action === "show" && key === undefined)
        throw new CoordinatorError("USAGE", "policy alone shows what is allowed");
      const shown = await deps.app.policy(
        action === undefined ? undefined : { action, key, values, ...(origin === undefined ? {} : { origin }) },
      );
      if (flags.json === true) printJson(deps, asJson(shown));
      else
        for (const line of shown.before === undefined ? policyLines(shown) : changedLines(shown, shown.before))
          deps.print(line);
      return 0;
    },
  };
}

function asJson({ policy, path, workRoot }: ShownPolicy): object {
  const { codex, codexHome, worktreesDir, author, verifyCommand, hook, webhook, webhookSecret, ...rights } = policy;
  const given = { verifyCommand, codex, codexHome, worktreesDir, author, hook, webhook, webhookSecret };
  const absent = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, value ?? null]));
  const effective = Object.fromEntries(ORIGIN_KINDS.map((kind) => [kind, effectiveRights(policy, kind)]));
  return { path, workRoot, ...rights, ...absent, effective };
}

/** What tasks may ask for that come one way, besides what the committed settings of the branch list. */
function effectiveRights(policy: Policy, kind: (typeof ORIGIN_KINDS)[number]): Readonly<Record<string, unknown>> {
  const rights = rightsByOrigin(policy, []).ofKind(kind);
  return Object.fromEntries(RIGHT_KEYS.map((key) => [key, rights[key]]));
}

/** What a change has changed, and nothing else. */
function changedLines(shown: ShownPolicy, before: Policy): readonly string[] {
  const linesBefore = new Set(policyLines({ ...shown, policy: before }));
  const changed = policyLines(shown).filter((line) => !linesBefore.has(line));
  return changed.length > 0
    ? changed
    : ["nothing is changed by that: it was so already (codex-inbox policy shows all)"];
}

function policyLines({ policy, path, workRoot }: ShownPolicy): readonly string[] {
  const list = (values: readonly string[]): string => values.join(", ") || "none";
  const lines: Readonly<Record<PolicyKey, string>> = {
    sandbox: `at most ${policy.sandbox}`,
    verify: policy.verify === "sandboxed" ? "sandboxed, at the level of the task" : "unsandboxed",
    verifyCommand: policy.verifyCommand ?? "by origin",
    verifyCommands: list(policy.verifyCommands),
    resume: policy.resume === "none" ? "threads of this workspace alone" : "any thread",
    network: policy.network,
    mcp: policy.mcp === "none" ? "none" : "those of your own codex configuration",
    workdirs: [workRoot, ...policy.workdirs].join(", "),
    images: [workRoot, ...policy.images].join(", "),
    codexConfig: list(policy.codexConfig),
    environment: list(policy.environment),
    readable: list(policy.readable),
    authors: list(policy.authors),
    notes: policy.notes,
    holdNewAuthors: String(policy.holdNewAuthors),
    maxDropsPerRun: `${policy.maxDropsPerRun} files that one run of an agent leaves in inbox/ become tasks`,
    codex: policy.codex ?? "--codex, CODEX_INBOX_CODEX, or the one on the PATH",
    codexHome: policy.codexHome ?? "CODEX_HOME, or codex's own default",
    worktreesDir: policy.worktreesDir ?? "beside the checkout",
    author: policy.author ?? "codex-inbox, with your address",
    name: policy.name ?? "the id of this clone",
    labels: list(policy.labels),
    hook: policy.hook ?? "none: no program is told what ends and what holds the queue",
    webhook: policy.webhook ?? "none",
    webhookSecret: policy.webhookSecret ?? "none: nothing is posted without",
  };
  return [
    ...POLICY_KEYS.map((key) => `${key.padEnd(14)} ${lines[key]}`),
    ...ORIGIN_KINDS.map((kind) => `${`from ${kind}`.padEnd(14)} ${differences(policy, kind)}`),
    `${"file".padEnd(14)} ${path}`,
  ];
}

/** What differs for tasks that come one way. */
function differences(policy: Policy, kind: (typeof ORIGIN_KINDS)[number]): string {
  const rights = effectiveRights(policy, kind);
  const differing = RIGHT_KEYS.filter((key) => JSON.stringify(rights[key]) !== JSON.stringify(policy[key]));
  const shown = differing.map((key) => `${key} ${[rights[key]].flat().join(", ") || "none"}`).join("; ");
  return `${shown || "the same"}${kind === "agent" ? "; never more than the task that asks has" : ""}`;
}
