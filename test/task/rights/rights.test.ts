import { describe, expect, it } from "vitest";
import { parseDropText } from "../../../src/task/file/task-file.ts";
import {
  DEFAULT_RIGHTS,
  describeRefusal,
  lowerLevel,
  type Rights,
  refusals,
  refusedTarget,
} from "../../../src/task/rights/rights.ts";

const OWNER = 'unless the owner of the machine allows it with "codex-inbox policy';

function asks(frontMatter: string, rights: Rights = DEFAULT_RIGHTS): readonly string[] {
  const parsed = parseDropText(`---\n${frontMatter}\n---\nDo it.\n`, undefined);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return refusals(parsed.spec, rights).map(describeRefusal);
}

describe("what a task asks for", () => {
  it.each<{ frontMatter: string; allowing: Partial<Rights>; refused: string }>([
    {
      frontMatter: "sandbox: danger-full-access",
      allowing: { sandbox: "danger-full-access" },
      refused: `sandbox: "danger-full-access" is more than a task may ask for here; expected: at most workspace-write, ${OWNER} set sandbox danger-full-access"`,
    },
    {
      frontMatter: "workdir: /srv/other/sub",
      allowing: { workdirs: ["/srv/other"] },
      refused: `workdir: "/srv/other/sub" is an absolute path, and tasks may not name it here; expected: a path relative to the working tree, ${OWNER} allow workdirs /srv/other/sub"`,
    },
    {
      frontMatter: "images: [docs/a.png, /srv/b.png]",
      allowing: { images: ["/srv/b.png"] },
      refused: `images: "/srv/b.png" is an absolute path, and tasks may not name it here; expected: a path relative to the working tree, ${OWNER} allow images /srv/b.png"`,
    },
    {
      frontMatter: "codexConfig: { model_verbosity: low, sandbox_workspace_write.network_access: true }",
      allowing: { codexConfig: ["model_verbosity", "sandbox_workspace_write.network_access"] },
      refused: `codexConfig: "sandbox_workspace_write.network_access" is not a setting that a task may make here; expected: only model_reasoning_effort, model_reasoning_summary, model_verbosity, hide_agent_reasoning, show_raw_agent_reasoning, ${OWNER} allow codexConfig sandbox_workspace_write.network_access"`,
    },
    {
      frontMatter: "environment: DATABASE_URL",
      allowing: { environment: ["DATABASE_URL"] },
      refused: `environment: no task is passed the variable DATABASE_URL; expected: none, ${OWNER} allow environment DATABASE_URL"`,
    },
  ])("is refused until the owner allows it: $frontMatter", ({ frontMatter, allowing, refused }) => {
    expect(asks(frontMatter)).toEqual([refused]);
    expect(asks(frontMatter, { ...DEFAULT_RIGHTS, ...allowing })).toEqual([]);
  });

  it.each([
    "sandbox: read-only",
    "sandbox: workspace-write",
    "workdir: packages/api\nimages: [docs/a.png]\noutputSchema: schemas/a.json",
    "codexConfig: { model_reasoning_effort: high }",
  ])("is allowed from the start: %s", (frontMatter) => expect(asks(frontMatter)).toEqual([]));

  it("may be less than the defaults, where the owner says so", () => {
    const rights: Rights = { ...DEFAULT_RIGHTS, sandbox: "read-only", codexConfig: [] };
    const said = asks("sandbox: workspace-write\ncodexConfig: { model_verbosity: low }", rights);
    expect(said).toHaveLength(2);
    expect(said[0]).toContain("at most read-only");
    expect(said[1]).toContain("expected: none, unless");
  });

  it.each([
    { path: "/srv/other", isAllowed: true },
    { path: "/srv/other/a/b", isAllowed: true },
    { path: "/srv/others", isAllowed: false },
    { path: "/srv", isAllowed: false },
    { path: "//srv/other", isAllowed: false },
  ])("of the paths around an allowed one: $path", ({ path, isAllowed }) => {
    expect(asks(`workdir: ${path}`, { ...DEFAULT_RIGHTS, workdirs: ["/srv/other"] })).toHaveLength(isAllowed ? 0 : 1);
    expect(asks(`workdir: ${path}`, { ...DEFAULT_RIGHTS, workdirs: ["/"] })).toEqual([]);
  });

  it("is not hidden by a word that looks like the policy's own", () => {
    const parsed = parseDropText(
      "---\nverify: unsandboxed\npolicy: { sandbox: danger-full-access }\n---\nDo it.\n",
      undefined,
    );
    expect(parsed).toMatchObject({ ok: true, spec: { sandbox: undefined, verifyCommand: undefined } });
    expect(parsed.ok && parsed.warnings).toHaveLength(2);
  });
});

describe("a refusal", () => {
  it("holds a command that means nothing else to a shell", () => {
    expect(asks(`workdir: "/tmp/$(id)'; rm -rf x"`)[0]).toMatch(/allow workdirs '\/tmp\/\$\(id\)'\\''; rm -rf x'"$/);
  });

  it("stands at its place in the file, with whatever else is wrong there", () => {
    const text = "---\npriority: 9\nsandbox: danger-full-access\n---\nDo it.\n";
    const parsed = parseDropText(text, undefined, DEFAULT_RIGHTS);
    expect(parsed).toMatchObject({ ok: false, refused: false, problems: [{ line: 2 }, { line: 3, column: 10 }] });
    const alone = parseDropText(text.replace("priority: 9\n", ""), undefined, DEFAULT_RIGHTS);
    expect(alone).toMatchObject({ ok: false, refused: true, problems: [{ line: 2, column: 10 }] });
  });

  it("says where a path leads that looked harmless", () => {
    const refusal = refusedTarget("images", "docs/a.png", "/home/me/.ssh/id", DEFAULT_RIGHTS);
    expect(describeRefusal(refusal)).toBe(
      `images: "docs/a.png" leads to "/home/me/.ssh/id", outside the working tree; expected: a path relative to the working tree, ${OWNER} allow images /home/me/.ssh/id"`,
    );
  });
});

it("the lower of two levels is the one that allows less", () => {
  expect(lowerLevel("read-only", "workspace-write")).toBe("read-only");
  expect(lowerLevel("danger-full-access", "workspace-write")).toBe("workspace-write");
});
