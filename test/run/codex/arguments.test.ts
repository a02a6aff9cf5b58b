import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codexArguments } from "../../../src/run/codex/arguments.ts";
import type { RunRequest } from "../../../src/task/state/run.ts";
import { CONFINED } from "../../support/confined.ts";
import { type RealCodex, realCodex } from "../../support/real-codex.ts";
import { TASK_ID, type TestRunner, testRunner } from "../../support/test-runner.ts";

const THREAD = "01a1f983-68c0-73f0-b052-b819acb45957";
const CONTEXT = {
  ...{ runDir: "/runs/t/1", extraConfig: ["hide_agent_reasoning=true"], marker: "w/t/1", environment: {} },
  ...{ codexPath: "/usr/bin/codex", servers: [] },
};
const FEATURES =
  "apps plugins remote_plugin hooks tool_suggest skill_mcp_dependency_install browser_use browser_use_external computer_use in_app_browser";
const PLAIN: RunRequest = {
  ...{
    taskId: TASK_ID,
    sessionKey: "docs",
    run: 1,
    prompt: "p",
    resumeThread: undefined,
    workdir: "/w",
  },
  ...{ sandbox: "workspace-write", model: undefined, oss: false, images: [], outputSchema: undefined },
  ...{ codexConfig: [], environment: [], confinement: CONFINED },
};
/** What fixes codex's own git is not for its tools. */
const OF_GIT = '"GIT_DIR","GIT_WORK_TREE","GIT_CONFIG_*"';
const FLAGS = [
  ...["exec", "--json", "-o", "/runs/t/1/last-message.md", "-C", "/w", "--ignore-rules"],
  ...["--disable", "unbounded_connection_retries", "-c", "agents.enabled=false"],
  ...["-c", 'projects={"/w"={trust_level="untrusted"},"/"={trust_level="untrusted"}}'],
  ...[
    "-c",
    `shell_environment_policy.exclude=["*KEY*","*TOKEN*","*SECRET*",${OF_GIT}]`,
    "-c",
    "hide_agent_reasoning=true",
  ],
];
const CONFINEMENT = [
  ...FEATURES.split(" ").map((name) => `features.${name}=false`),
  ...["notify=[]", 'web_search="disabled"'],
  'permissions.codex_inbox={extends=":workspace",network={enabled=false},filesystem={}}',
  'default_permissions="codex_inbox"',
].flatMap((setting) => ["-c", setting]);
const MARKER = ["-c", 'shell_environment_policy.set.CODEX_INBOX_RUN="w/t/1"'];

describe("codex's arguments", () => {
  it("start a thread", () => {
    expect(codexArguments(PLAIN, CONTEXT)).toEqual([...FLAGS, ...CONFINEMENT, ...MARKER, "-"]);
  });

  it("resume a thread, with all that a thread does not keep before the word", () => {
    const request: RunRequest = {
      ...PLAIN,
      ...{ resumeThread: THREAD, model: "m", oss: true, outputSchema: "/s.json", images: ["/a.png", "/-b.png"] },
      codexConfig: ["agents.enabled=true"],
    };
    expect(codexArguments(request, CONTEXT)).toEqual([
      ...[...FLAGS.slice(0, 7), "-m", "m", "--oss", ...FLAGS.slice(7), "-c", "agents.enabled=true"],
      ...[...CONFINEMENT, ...MARKER],
      ...["--output-schema", "/s.json", "resume", THREAD, "--image=/a.png", "--image=/-b.png", "-"],
    ]);
  });

  it.each(["not-a-uuid", "", "--last", THREAD.toUpperCase(), `urn:uuid:${THREAD}`, `${THREAD}\n`])(
    "refuse a thread id that codex would read otherwise: %j",
    (resumeThread) => {
      expect(() => codexArguments({ ...PLAIN, resumeThread }, CONTEXT)).toThrow(
        expect.objectContaining({ code: "TASK_FILE" }),
      );
    },
  );

  it("hide from the tools what looks like a secret, but not what they were promised", () => {
    const environment = {
      CODEX_API_KEY: "k",
      NPM_TOKEN: "t",
      PATH: "/bin",
      client_secret: "s",
      GIT_CONFIG_KEY_0: "core.fsmonitor",
    };
    const context = { ...CONTEXT, environment };
    const hidden = (names: readonly string[]): string | undefined =>
      codexArguments({ ...PLAIN, environment: names }, context).find((word) => word.includes("policy.exclude"));
    expect(hidden(["PATH"])).toBe(`shell_environment_policy.exclude=["*KEY*","*TOKEN*","*SECRET*",${OF_GIT}]`);
    expect(hidden(["NPM_TOKEN"])).toBe(`shell_environment_policy.exclude=["CODEX_API_KEY","client_secret",${OF_GIT}]`);
  });

  it("leave codex's own settings to a run without a sandbox, but for what its tasks were not given", () => {
    const words = codexArguments({ ...PLAIN, sandbox: "danger-full-access" }, CONTEXT).join(" ");
    expect(words).toContain("-s danger-full-access");
    expect(words).toContain("features.apps=false");
    expect(words).not.toMatch(/ignore-rules|permissions/);
  });

  it("switch each of the owner's servers off by its name, unless they were given to tasks", () => {
    const context = { ...CONTEXT, servers: ["docs", 'odd."na me'] };
    const off = 'mcp_servers={"docs"={enabled=false},"odd.\\"na me"={enabled=false}}';
    expect(codexArguments(PLAIN, context)).toContain(off);
    const own = codexArguments({ ...PLAIN, confinement: { ...CONFINED, mcp: "own" } }, context).join(" ");
    expect(own).not.toMatch(/mcp_servers|notify|features/);
  });

  it("refuse an image path that codex would split", () => {
    expect(() => codexArguments({ ...PLAIN, images: ["/a,b.png"] }, CONTEXT)).toThrow(/comma/);
  });
});

describe("the real codex", () => {
  async function real(
    options: { readonly environment?: Readonly<Record<string, string>> } = {},
  ): Promise<TestRunner & { readonly codex: RealCodex }> {
    const codex = await realCodex();
    const environment = { ...codex.environment, ...options.environment };
    const test = testRunner({ codexPath: codex.codexPath, environment });
    execFileSync("git", ["init", "-q", test.workdir]);
    return { ...test, codex };
  }

  it("takes every argument, at a start and at a resume, images and schema included", async () => {
    const { runner, request, run, codex, workdir } = await real();
    const images = ["red.png", "-blue dot.png"].map((name) => join(workdir, name));
    for (const image of images) writeFileSync(image, Buffer.from(PNG, "base64"));
    const outputSchema = join(workdir, "schema.json");
    writeFileSync(outputSchema, '{"type":"object","properties":{},"additionalProperties":false}');
    const all = { images, outputSchema, model: "gpt-5.5", codexConfig: ['model_reasoning_effort="low"'] };

    const first = await runner.judge(await run(request("[[final: {}]]", all)), undefined);
    expect(first).toMatchObject({ outcome: "succeeded", lastMessage: "{}", failure: undefined });
    const resumed = await run(request("[[final: { }]]", { ...all, resumeThread: first.threadId }));
    expect(await runner.judge(resumed, first.threadId)).toMatchObject({
      outcome: "succeeded",
      lastMessage: "{ }",
    });

    expect(codex.requests.map(({ body }) => imagesInLastMessage(body))).toEqual([2, 2]);
    expect(JSON.stringify(codex.requests.at(-1)?.body)).toContain("json_schema");
  });

  it("works in a linked worktree", async () => {
    const { runner, request, run, workdir } = await real();
    const identity = ["-c", "user.name=a", "-c", "user.email=a@localhost"];
    execFileSync("git", ["-C", workdir, ...identity, "commit", "-q", "--allow-empty", "-m", "first"]);
    execFileSync("git", ["-C", workdir, "worktree", "add", "-q", join(workdir, "linked")]);
    const runDir = await run(request("[[final: ok]]", { workdir: join(workdir, "linked") }));
    expect(await runner.judge(runDir, undefined)).toMatchObject({ outcome: "succeeded", failure: undefined });
  });

  it.each(["", '[shell_environment_policy]\ninherit = "core"\n'])(
    "keeps keys from its tools and the marker with them, with %j in its configuration",
    async (policy) => {
      const secrets = { CODEX_API_KEY: "sk-secret", SOME_TOKEN: "t-secret" };
      const { runner, request, run, codex } = await real({ environment: secrets });
      writeFileSync(join(codex.home, "config.toml"), policy, { flag: "a" });
      const runDir = await run(request("[[shell: env]] [[final: ok]]"));
      const { said } = await runner.outcome(runDir);
      const [output = ""] = said.flatMap(({ body }) => (body.kind === "command" ? [body.output] : []));
      expect(output).toMatch(/^CODEX_INBOX_RUN=test-.*\/1$/m);
      expect(output).not.toContain("secret");
    },
  );
});

/** One red pixel. */
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

function imagesInLastMessage(body: unknown): number {
  const messages = JSON.stringify(body).split('"role":"user"');
  return (messages.at(-1) ?? "").split('"input_image"').length - 1;
}
