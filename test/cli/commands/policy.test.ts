import { expect, it } from "vitest";
import { createPolicyCommand } from "../../../src/cli/commands/policy.ts";
import { DEFAULT_POLICY } from "../../../src/task/rights/policy.ts";
import { createFakeCliDeps, runCommand } from "../../fakes/fake-cli-deps.ts";

it("shows what is allowed, the working tree first", async () => {
  const deps = createFakeCliDeps();
  deps.allowed = {
    ...DEFAULT_POLICY,
    workdirs: ["/srv/other"],
    codex: "/opt/codex",
    holdNewAuthors: true,
    authors: ["ada@example.org"],
    origins: { commit: { sandbox: "read-only" } },
  };
  expect(await runCommand(createPolicyCommand(deps))).toBe(0);
  expect(deps.policyChanges).toEqual([undefined]);
  expect(deps.printed).toEqual([
    "sandbox        at most workspace-write",
    "verify         sandboxed, at the level of the task",
    "verifyCommand  by origin",
    "resume         threads of this workspace alone",
    "network        none",
    "mcp            none",
    "workdirs       /w, /srv/other",
    "images         /w",
    `codexConfig    ${DEFAULT_POLICY.codexConfig.join(", ")}`,
    "environment    none",
    "verifyCommands none",
    "readable       none",
    "authors        ada@example.org",
    "labels         none",
    "notes          any",
    "holdNewAuthors true",
    "maxDropsPerRun 20 files that one run of an agent leaves in inbox/ become tasks",
    "codex          /opt/codex",
    "codexHome      CODEX_HOME, or codex's own default",
    "worktreesDir   beside the checkout",
    "hook           none: no program is told what ends and what holds the queue",
    "webhookSecret  none: nothing is posted without",
    "author         codex-inbox, with your address",
    "name           the id of this clone",
    "webhook        none",
    "from commit    sandbox read-only; verifyCommand listed",
    "from file      verifyCommand any",
    "from cli       verifyCommand any",
    "from http      verifyCommand any",
    "from agent     verifyCommand listed; never more than the task that asks has",
    "file           /w/.git/codex-inbox/policy.json",
  ]);
});

it("shows it as JSON, with null for what is not said", async () => {
  const deps = createFakeCliDeps();
  await runCommand(createPolicyCommand(deps), "--json");
  expect(JSON.parse(deps.printed.join("\n"))).toEqual({
    version: 1,
    ...DEFAULT_POLICY,
    ...{
      path: "/w/.git/codex-inbox/policy.json",
      workRoot: "/w",
      verifyCommand: null,
      codex: null,
      codexHome: null,
      worktreesDir: null,
      author: null,
      ...{ hook: null, webhook: null, webhookSecret: null },
    },
    effective: expect.objectContaining({
      commit: expect.objectContaining({ verifyCommand: "listed", sandbox: "workspace-write" }),
      cli: expect.objectContaining({ verifyCommand: "any" }),
    }),
  });
});

it("changes it and shows what has changed, no more", async () => {
  const deps = createFakeCliDeps();
  expect(await runCommand(createPolicyCommand(deps), "allow", "workdirs", "/a", "/b")).toBe(0);
  expect(deps.policyChanges).toEqual([{ action: "allow", key: "workdirs", values: ["/a", "/b"] }]);
  expect(deps.printed.splice(0)).toEqual(["workdirs       /w, /a, /b"]);
  await runCommand(createPolicyCommand(deps), "allow", "workdirs", "/a");
  expect(deps.printed.splice(0)).toEqual([expect.stringMatching(/^nothing is changed by that/)]);
  await runCommand(createPolicyCommand(deps), "set", "sandbox", "read-only");
  expect(deps.printed.splice(0)).toEqual(["sandbox        at most read-only"]);
  await runCommand(createPolicyCommand(deps), "set", "--origin", "http", "sandbox", "workspace-write");
  expect(deps.printed.splice(0)).toEqual(["from http      sandbox workspace-write; verifyCommand any"]);
  await runCommand(createPolicyCommand(deps), "set", "notes", "committed", "--json");
  expect(JSON.parse(deps.printed.join("\n"))).toMatchObject({ notes: "committed", sandbox: "read-only" });
});

it("changes it for one origin, and allows an author", async () => {
  const deps = createFakeCliDeps();
  await runCommand(createPolicyCommand(deps), "set", "--origin", "commit", "sandbox", "read-only");
  await runCommand(createPolicyCommand(deps), "allow-author", "ada@example.org", "bob@example.org");
  expect(deps.policyChanges).toEqual([
    { action: "set", key: "sandbox", values: ["read-only"], origin: "commit" },
    { action: "allow", key: "authors", values: ["ada@example.org", "bob@example.org"] },
  ]);
});
