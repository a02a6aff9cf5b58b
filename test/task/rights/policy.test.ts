import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY, type Policy, parsePolicy, renderPolicy } from "../../../src/task/rights/policy.ts";
import { changePolicy } from "../../../src/task/rights/policy-change.ts";
import { DEFAULT_RIGHTS } from "../../../src/task/rights/rights.ts";

const WIDE: Policy = {
  sandbox: "danger-full-access",
  verify: "unsandboxed",
  workdirs: ["/srv/other", "/"],
  images: ["/srv/pictures"],
  codexConfig: ["model_verbosity", "sandbox_workspace_write.network_access"],
  environment: ["DATABASE_URL"],
  ...{ verifyCommand: "none", verifyCommands: ["npm test"], resume: "any", network: "full", mcp: "own" },
  ...{ readable: ["/srv"], holdNewAuthors: true, authors: ["ada@example.org"], notes: "committed" },
  origins: { commit: { sandbox: "read-only", workdirs: [] }, cli: { verifyCommand: "any" } },
  maxDropsPerRun: 0,
  codex: "/opt/codex",
  codexHome: "/srv/codex home",
  worktreesDir: "/srv/trees",
  author: "codex inbox <inbox@example.org>",
  name: "build-server",
  labels: ["gpu"],
  ...{ hook: "/opt/tell", webhook: "https://example.org/hook?a=1", webhookSecret: "/srv/secret" },
};

function problems(text: string): readonly string[] {
  const parsed = parsePolicy(text);
  return "problems" in parsed ? parsed.problems : [];
}

describe("a policy file", () => {
  it.each([
    { name: "the defaults", policy: DEFAULT_POLICY },
    { name: "all there is", policy: WIDE },
  ])("says what was written: $name", ({ policy }) => {
    expect(parsePolicy(renderPolicy(policy))).toEqual({ policy });
  });

  it("need not say everything: what it leaves out is as at first", () => {
    expect(parsePolicy('{"version": 1, "verify": "unsandboxed"}')).toEqual({
      policy: { ...DEFAULT_POLICY, verify: "unsandboxed" },
    });
  });

  it("of the first released format stays readable", () => {
    const text =
      '{"version":1,"sandbox":"read-only","verify":"sandboxed","workdirs":["/a"],"images":[],"codexConfig":[],"environment":["A"]}';
    expect(parsePolicy(text)).toMatchObject({ policy: { sandbox: "read-only", workdirs: ["/a"], codexConfig: [] } });
  });

  it.each<{ body: string; says: string }>([
    { body: '"sandbx": "read-only"', says: 'line 1, column 16: unknown key "sandbx"; did you mean "sandbox"?' },
    { body: '"colour": 1', says: 'line 1, column 16: unknown key "colour"' },
    {
      body: '"sandbox": "full"',
      says: 'line 1, column 27: sandbox: "full" is none of read-only, workspace-write, danger-full-access',
    },
    {
      body: '"verify": "unsandbxed"',
      says: 'line 1, column 26: verify: "unsandbxed" is none of sandboxed, unsandboxed; did you mean "unsandboxed"?',
    },
    { body: '"verify": true', says: "line 1, column 26: verify: expected text in double quotes" },
    { body: '"workdirs": "/a"', says: "line 1, column 28: workdirs: expected a list: […]" },
    { body: '"workdirs": ["a"]', says: 'line 1, column 29: workdirs: "a" is not an absolute path' },
    { body: '"images": ["/a/../b"]', says: 'images: "/a/../b" contains ".."' },
    { body: '"images": ["/a/.git"]', says: 'images: "/a/.git" leads into .git' },
    { body: '"images": ["/a/"]', says: 'images: "/a/" has an empty part' },
    { body: '"codexConfig": ["a b"]', says: 'codexConfig: "a b" is not a setting' },
    { body: '"codexConfig": ["sandbox_mode"]', says: 'of that says the key "sandbox"' },
    { body: '"codexConfig": ["shell_environment_policy.set"]', says: 'of that says the key "environment"' },
    { body: '"environment": ["A=b"]', says: 'environment: "A=b" is not the name' },
    { body: '"environment": ["CODEX_INBOX_RUN"]', says: "is codex-inbox's own" },
    {
      body: '"maxDropsPerRun": "5"',
      says: "line 1, column 34: maxDropsPerRun: expected a whole number from 0 to 10000",
    },
    { body: '"maxDropsPerRun": -1', says: "maxDropsPerRun: expected a whole number" },
    { body: '"maxDropsPerRun": 1.5', says: "maxDropsPerRun: expected a whole number" },
    { body: '"maxDropsPerRun": 10001', says: "maxDropsPerRun: expected a whole number" },
    { body: '"maxDropPerRun": 5', says: 'unknown key "maxDropPerRun"; did you mean "maxDropsPerRun"?' },
    { body: '"hook": "tell"', says: 'hook: "tell" is not an absolute path' },
    { body: '"webhook": "example.org"', says: 'webhook: "example.org" is not an address' },
    { body: '"webhook": "https://ada:secret@example.org/"', says: "without a name or password in it" },
    { body: '"webhook": "http://example.org/"', says: "goes over the network in the clear: expected https://…" },
    { body: '"webhook": "http://localhost.example.org/"', says: "goes over the network in the clear" },
    { body: '"verifyCommand": "all"', says: 'verifyCommand: "all" is none of none, listed, any' },
    { body: '"verifyCommands": [" "]', says: 'verifyCommands: "" has not 1 to 10000 characters' },
    { body: '"authors": ["ada"]', says: 'authors: "ada" is not an e-mail address, such as ada@example.org' },
    { body: '"authors": ["Ada Lovelace"]', says: 'authors: "Ada Lovelace" is not an e-mail address' },
    { body: '"holdNewAuthors": "true"', says: "holdNewAuthors: expected true or false" },
    { body: '"origins": []', says: "line 1, column 27: origins: expected an object: {…}" },
    { body: '"origins": {"comit": {}}', says: 'unknown origin "comit"; did you mean "commit"?' },
    { body: '"origins": {"commit": 1}', says: "commit: expected an object: {…}" },
    { body: '"origins": {"commit": {"sandbx": 1}}', says: 'key that differs by origin; did you mean "sandbox"?' },
    { body: '"origins": {"commit": {"maxDropsPerRun": 1}}', says: '"maxDropsPerRun" is no key that differs by origin' },
    { body: '"origins": {"commit": {"sandbox": "full"}}', says: 'sandbox: "full" is none of read-only' },
    { body: '"codex": "codex"', says: 'codex: "codex" is not an absolute path' },
    { body: '"author": "nobody"', says: 'author: "nobody" is not a name and an address' },
    { body: '"author": "a <b>\\nx"', says: "is not a name and an address" },
    { body: '"codexHome": null', says: "codexHome: expected text" },
    { body: '"sandbox": "read-only", "sandbox": "danger-full-access"', says: 'the key "sandbox" is there twice' },
  ])("is refused with the place and the reason: $body", ({ body, says }) => {
    const [problem, ...rest] = problems(`{"version": 1, ${body}}`);
    expect(rest).toEqual([]);
    expect(problem).toContain(says);
  });

  it.each<{ text: string; says: string }>([
    { text: "{}", says: 'line 1, column 1: there is no "version"; this version of codex-inbox writes "version": 1' },
    { text: '{"Version": 1}', says: 'line 1, column 2: unknown key "Version"; did you mean "version"?' },
    {
      text: '{"version": 2, "new": 1}',
      says: "line 1, column 13: version 2 is of a newer codex-inbox; this codex-inbox knows version 1",
    },
    { text: '{"version": "1"}', says: "line 1, column 13: version: this codex-inbox knows version 1" },
    { text: "[]", says: "line 1, column 1: expected an object: {…}" },
  ])("says how it is to be read: $text", ({ text, says }) => expect(problems(text)).toEqual([says]));

  it("is told all its problems at once", () => {
    expect(problems('{"version": 1, "a": 1, "sandbox": 1, "workdirs": ["x", "y"]}')).toHaveLength(4);
  });
});

it("a change for one origin touches nothing of the others", () => {
  const changed = (action: string, origin: string, key?: string, ...values: readonly string[]): unknown => {
    const result = changePolicy(WIDE, { action, key, values, origin });
    return "problem" in result ? result.problem : result.policy.origins;
  };
  const { commit, cli } = WIDE.origins;
  expect(changed("set", "commit", "sandbox", "workspace-write")).toEqual({
    commit: { ...commit, sandbox: "workspace-write" },
    cli,
  });
  expect(changed("allow", "agent", "environment", "TOKEN")).toEqual({
    commit,
    cli,
    agent: { environment: ["DATABASE_URL", "TOKEN"] },
  });
  expect(changed("allow", "commit", "workdirs", "/a")).toEqual({ commit: { ...commit, workdirs: ["/a"] }, cli });
  expect(changed("deny", "http", "environment", "DATABASE_URL")).toEqual({ commit, cli, http: { environment: [] } });
  expect(changed("reset", "cli", "verifyCommand")).toEqual({ commit });
  expect(changed("reset", "commit", "workdirs")).toEqual({ commit: { sandbox: "read-only" }, cli });
  expect(changed("set", "comit", "sandbox", "read-only")).toBe('there is no origin "comit"; did you mean "commit"?');
  expect(changed("set", "commit", "codex", "/a")).toContain('"codex" is the same for every origin');
  expect(changed("set", "commit", "sandbox", "full")).toContain('sandbox: "full" is none of');
});

describe("a change of the policy", () => {
  const change = (action: string, key?: string, ...values: readonly string[]): unknown => {
    const changed = changePolicy(WIDE, { action, key, values });
    return "problem" in changed ? changed.problem : changed.policy;
  };

  it.each<{ words: readonly [string, ...string[]]; becomes: Partial<Policy> }>([
    { words: ["set", "sandbox", "read-only"], becomes: { sandbox: "read-only" } },
    { words: ["set", "codex", "/bin/codex"], becomes: { codex: "/bin/codex" } },
    { words: ["set", "maxDropsPerRun", "50"], becomes: { maxDropsPerRun: 50 } },
    { words: ["reset", "maxDropsPerRun"], becomes: { maxDropsPerRun: 20 } },
    { words: ["allow", "workdirs", "/a", "/", "/a"], becomes: { workdirs: ["/srv/other", "/", "/a"] } },
    { words: ["allow", "environment", "NPM_TOKEN"], becomes: { environment: ["DATABASE_URL", "NPM_TOKEN"] } },
    { words: ["deny", "workdirs", "/"], becomes: { workdirs: ["/srv/other"] } },
    { words: ["deny", "images", "/srv/pictures"], becomes: { images: [] } },
    { words: ["reset", "sandbox"], becomes: { sandbox: "workspace-write" } },
    { words: ["reset", "codexConfig"], becomes: { codexConfig: DEFAULT_RIGHTS.codexConfig } },
    { words: ["reset", "codexHome"], becomes: { codexHome: undefined } },
  ])("changes one key and nothing else: $words", ({ words: [action, ...rest], becomes }) => {
    expect(change(action, ...rest)).toEqual({ ...WIDE, ...becomes });
  });

  it.each<{ words: readonly [string, ...string[]]; says: string }>([
    { words: ["alow", "workdirs", "/a"], says: 'there is no action "alow"; did you mean "allow"?' },
    { words: ["set"], says: "set takes a key: sandbox, verify, verifyCommand" },
    { words: ["set", "sandbx", "x"], says: 'there is no key "sandbx"; did you mean "sandbox"?' },
    { words: ["set", "sandbox"], says: "set sandbox takes one value" },
    { words: ["set", "sandbox", "none"], says: 'sandbox: "none" is none of read-only' },
    { words: ["set", "workdirs", "/a"], says: 'workdirs is a list: use "allow workdirs <value>"' },
    { words: ["allow", "sandbox", "x"], says: 'sandbox is one value: use "set sandbox <value>"' },
    { words: ["set", "maxDropsPerRun", "many"], says: 'maxDropsPerRun: "many" is not a whole number from 0 to 10000' },
    { words: ["allow", "maxDropsPerRun", "5"], says: 'maxDropsPerRun is one value: use "set maxDropsPerRun <value>"' },
    { words: ["allow", "images"], says: "allow images takes one or more values" },
    { words: ["allow", "images", "/a", "b"], says: 'images: "b" is not an absolute path' },
    { words: ["deny", "images", "/b"], says: 'images: "/b" is not allowed anyway (allowed: /srv/pictures)' },
    { words: ["reset", "verify", "x"], says: "reset takes a key and nothing else" },
  ])("is refused with what would be right: $words", ({ words: [action, ...rest], says }) => {
    expect(change(action, ...rest)).toContain(says);
  });
});
