import { expect, it } from "vitest";
import { createPolicyCommand } from "../../../src/cli/commands/policy.ts";
import { DEFAULT_POLICY } from "../../../src/task/rights/policy.ts";
import { createFakeCliDeps, runCommand } from "../../fakes/fake-cli-deps.ts";

it("shows what is allowed, the working tree first", async () => {
  const deps = createFakeCliDeps();
  deps.allowed = { ...DEFAULT_POLICY, workdirs: ["/srv/other"], codex: "/opt/codex" };
  expect(await runCommand(createPolicyCommand(deps))).toBe(0);
  expect(deps.policyChanges).toEqual([undefined]);
  expect(deps.printed).toEqual([
    "sandbox        at most workspace-write",
    "verify         sandboxed, at the level of the task",
    "workdirs       /w, /srv/other",
    "images         /w",
    `codexConfig    ${DEFAULT_POLICY.codexConfig.join(", ")}`,
    "environment    none",
    "maxDropsPerRun 20 files that one run of an agent leaves in inbox/ become tasks",
    "codex          /opt/codex",
    "codexHome      CODEX_HOME, or codex's own default",
    "file           /w/.git/codex-inbox/policy.json",
  ]);
});

it("shows it as JSON, with null for what is not said", async () => {
  const deps = createFakeCliDeps();
  await runCommand(createPolicyCommand(deps), "--json");
  expect(JSON.parse(deps.printed.join("\n"))).toEqual({
    ...DEFAULT_POLICY,
    ...{ path: "/w/.git/codex-inbox/policy.json", workRoot: "/w", codex: null, codexHome: null },
  });
});

it("changes it and shows what holds then", async () => {
  const deps = createFakeCliDeps();
  expect(await runCommand(createPolicyCommand(deps), "allow", "workdirs", "/a", "/b")).toBe(0);
  expect(deps.policyChanges).toEqual([{ action: "allow", key: "workdirs", values: ["/a", "/b"] }]);
  expect(deps.printed[0]).toBe("sandbox        at most workspace-write");
});
