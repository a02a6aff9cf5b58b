import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDropText } from "../../../src/task/file/task-file.ts";
import type { Origin } from "../../../src/task/rights/origin.ts";
import { ORIGIN_KINDS, type OriginKind } from "../../../src/task/rights/origin-kind.ts";
import { givenTo, rightsByOrigin } from "../../../src/task/rights/origin-rights.ts";
import { DEFAULT_POLICY, type Policy } from "../../../src/task/rights/policy.ts";
import { describeRefusal, type Rights, refusals, SANDBOX_LEVELS } from "../../../src/task/rights/rights.ts";

const UNSIGNED = { commit: "1a2b", author: "Ada", email: "ada@example.org", signature: "N", signer: null };

function origin(kind: OriginKind): Origin {
  if (kind === "commit") return { kind, ...UNSIGNED };
  return kind === "agent" ? { kind, task: "20261120-141530-k3f9x2" } : { kind, user: "ada" };
}

function specOf(frontMatter: string) {
  const parsed = parseDropText(`---\n${frontMatter}\n---\nDo it.\n`, undefined);
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
  return parsed.spec;
}

/** What is said of a task with `frontMatter` that `from` asks for. */
function asks(frontMatter: string, from: Origin, policy: Partial<Policy> = {}, listed: readonly string[] = []) {
  const rights = rightsByOrigin({ ...DEFAULT_POLICY, ...policy }, listed).of(from);
  return refusals(specOf(frontMatter), rights).map(describeRefusal);
}

/** What asks is the agent of a task with `frontMatter` that `from` asks for. */
function childOf(frontMatter: string, from: Origin, policy: Partial<Policy> = {}): Origin {
  const rights = rightsByOrigin({ ...DEFAULT_POLICY, ...policy }, []).of(from);
  const spec = specOf(frontMatter);
  const given = givenTo(spec, rights, spec.sandbox ?? "workspace-write");
  return { kind: "agent", task: "x", bounds: { kinds: [from.kind, ...(from.bounds?.kinds ?? [])], given } };
}

describe("a verify command", () => {
  const own = "verifyCommand: npm test";
  it.each<{ kind: OriginKind; policy?: Partial<Policy>; listed?: readonly string[]; says: readonly unknown[] }>([
    { kind: "cli", says: [] },
    { kind: "http", says: [] },
    { kind: "file", says: [] },
    {
      kind: "file",
      policy: { verify: "unsandboxed" },
      says: [expect.stringContaining("allow verifyCommands 'npm test'")],
    },
    { kind: "cli", policy: { verify: "unsandboxed" }, says: [] },
    {
      kind: "commit",
      says: [
        expect.stringMatching(/^verifyCommand: "npm test" is not a command .*codex-inbox\.json names \(none, so far\)/),
      ],
    },
    { kind: "agent", says: [expect.stringContaining("codex-inbox policy allow verifyCommands 'npm test'")] },
    { kind: "commit", policy: { verifyCommands: ["npm test"] }, says: [] },
    { kind: "commit", listed: ["npm test"], says: [] },
    { kind: "commit", listed: ["npm test; curl evil"], says: [expect.stringContaining("npm test; curl evil")] },
    { kind: "commit", policy: { verifyCommand: "any" }, says: [] },
    { kind: "commit", policy: { origins: { commit: { verifyCommand: "any" } } }, says: [] },
    {
      kind: "cli",
      policy: { origins: { cli: { verifyCommand: "none" } } },
      says: [expect.stringContaining("policy set --origin cli verifyCommand listed")],
    },
    { kind: "agent", policy: { origins: { commit: { verifyCommand: "any" } } }, says: [expect.anything()] },
  ])("is judged by who asks: $kind, $policy", ({ kind, policy, listed, says }) => {
    expect(asks(own, origin(kind), policy, listed)).toEqual(says);
  });
});

it("one origin may have more or less than the others, and the refusal names the command that is about it alone", () => {
  const policy = { origins: { commit: { sandbox: "read-only" }, cli: { environment: ["TOKEN"] } } } as const;
  expect(asks("sandbox: workspace-write", origin("commit"), policy)).toEqual([
    expect.stringContaining("codex-inbox policy set --origin commit sandbox workspace-write"),
  ]);
  expect(asks("sandbox: workspace-write", origin("file"), policy)).toEqual([]);
  expect(asks("environment: TOKEN", origin("cli"), policy)).toEqual([]);
  expect(asks("environment: TOKEN", origin("http"), policy)).toEqual([
    expect.stringContaining("codex-inbox policy allow environment TOKEN"),
  ]);
});

describe("an agent", () => {
  const WIDE: Partial<Policy> = {
    sandbox: "danger-full-access",
    environment: ["TOKEN"],
    workdirs: ["/srv"],
    codexConfig: ["model_verbosity", "tools.web_search"],
    verifyCommand: "any",
  };
  it.each([
    { name: "a sandbox", child: "sandbox: danger-full-access", parent: "sandbox: danger-full-access" },
    { name: "a variable", child: "environment: TOKEN", parent: "environment: TOKEN" },
    { name: "a folder", child: "workdir: /srv/a", parent: "workdir: /srv" },
    {
      name: "a setting",
      child: "codexConfig: { tools.web_search: true }",
      parent: "codexConfig: { tools.web_search: true }",
    },
  ])("gets $name only where its own task has it, whatever the policy allows", ({ child, parent }) => {
    const refused = [expect.stringContaining("expected: no more than the task has whose agent asks for it")];
    expect(asks(child, childOf("title: x", origin("cli"), WIDE), WIDE)).toEqual(refused);
    expect(asks(child, childOf(parent, origin("cli"), WIDE), WIDE)).toEqual([]);
    expect(asks(child, origin("cli"), WIDE)).toEqual([]);
  });

  it("has no more than the origin of its task, however many tasks lie between", () => {
    const policy: Partial<Policy> = { ...WIDE, origins: { commit: { sandbox: "read-only", environment: [] } } };
    const child = childOf("environment: TOKEN", origin("commit"), policy);
    const grandchild = childOf("environment: TOKEN", child, policy);
    for (const one of [child, grandchild]) expect(asks("environment: TOKEN", one, policy)).toHaveLength(1);
    expect(asks("environment: TOKEN", childOf("environment: TOKEN", origin("cli"), policy), policy)).toEqual([]);
  });

  it("may have its children verified by what it is verified by itself, and by what is listed", () => {
    const child = childOf("verifyCommand: make check", origin("cli"));
    expect(asks("verifyCommand: make check", child)).toEqual([]);
    expect(asks("verifyCommand: make all", child)).toHaveLength(1);
    expect(asks("verifyCommand: make all", child, { verifyCommands: ["make all"] })).toEqual([]);
  });

  it("loses the verify command of its task when the owner takes that off the list", () => {
    const own = "verifyCommand: make check";
    const listed: Partial<Policy> = { verifyCommands: ["make check"] };
    const child = childOf(own, origin("commit"), listed);
    const grandchild = childOf(own, child, listed);
    for (const one of [origin("commit"), child, grandchild]) {
      expect(asks(own, one, listed)).toEqual([]);
      expect(asks(own, one)).toHaveLength(1);
    }
  });

  it("is bounded whatever policy there is", () => {
    const level = fc.constantFrom(...SANDBOX_LEVELS);
    const names = fc.subarray(["A", "B", "C"]);
    fc.assert(
      fc.property(
        level,
        level,
        level,
        names,
        names,
        fc.constantFrom(...ORIGIN_KINDS),
        (top, commit, has, all, own, kind) => {
          const policy: Policy = {
            ...DEFAULT_POLICY,
            sandbox: top,
            environment: all,
            origins: { commit: { sandbox: commit, environment: own } },
          };
          const table = rightsByOrigin(policy, []);
          const given = givenTo(specOf(`environment: [${own.join()}]`), table.of(origin(kind)), has);
          const rights = table.of({ kind: "agent", task: "x", bounds: { kinds: [kind], given } });
          const most: Rights = table.of(origin(kind));
          expect(SANDBOX_LEVELS.indexOf(rights.sandbox)).toBeLessThanOrEqual(SANDBOX_LEVELS.indexOf(most.sandbox));
          expect(SANDBOX_LEVELS.indexOf(rights.sandbox)).toBeLessThanOrEqual(SANDBOX_LEVELS.indexOf(has));
          expect([...most.environment]).toEqual(expect.arrayContaining([...rights.environment]));
          expect(own).toEqual(expect.arrayContaining([...rights.environment]));
          for (const one of ORIGIN_KINDS)
            expect([...table.widest.environment]).toEqual(
              expect.arrayContaining([...table.of(origin(one)).environment]),
            );
        },
      ),
    );
  });
});

it("a listed verify command that lost a secret is refused for that, with what to write in its place", () => {
  const policy = { verifyCommands: ["deploy --key abc"] };
  const [said, ...more] = asks('verifyCommand: "deploy --key [redacted: github-token]"', origin("commit"), policy);
  expect(more).toEqual([]);
  expect(said).toMatch(/a secret was taken out of it, so that it is no listed one any more; expected: an environment/);
  expect(asks('verifyCommand: "deploy --key abd"', origin("commit"), policy)[0]).not.toContain("secret");
});
