import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createServerList } from "../../../src/run/codex/install/list-servers.ts";
import { privatePaths } from "../../../src/run/sandbox/private-paths.ts";
import type { Confinement } from "../../../src/task/spec/sandbox-profile.ts";
import { CONFINED } from "../../support/confined.ts";
import { type RealCodex, realCodex } from "../../support/real-codex.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { type TestRunner, testRunner } from "../../support/test-runner.ts";

/** The real codex, the home of its owner beside it. */
async function real(
  options: { readonly config?: (home: string) => string; readonly servers?: readonly string[] } = {},
): Promise<
  TestRunner & {
    readonly codex: RealCodex;
    readonly owner: string;
    /** Runs a turn; returns what its commands printed. */
    outputs(prompt: string, confinement: Partial<Confinement>, resume?: string): Promise<readonly string[]>;
    threadId(): string | undefined;
  }
> {
  const codex = await realCodex();
  const owner = realpathSync(tempDir("/var/tmp"));
  if (options.config !== undefined) {
    const path = join(codex.home, "config.toml");
    writeFileSync(path, options.config(owner).replace("#REST", readFileSync(path, "utf8")));
  }
  const environment = { ...codex.environment, HOME: owner };
  const test = testRunner({ codexPath: codex.codexPath, environment, servers: options.servers ?? [] });
  execFileSync("git", ["init", "-q", test.workdir]);
  let thread: string | undefined;
  return {
    ...{ ...test, codex, owner },
    threadId: () => thread,
    async outputs(prompt, confinement, resumeThread) {
      const asked = test.request(prompt, { confinement: { ...CONFINED, ...confinement }, resumeThread });
      const { said, verdict } = await test.runner.outcome(await test.run(asked), resumeThread);
      expect(verdict).toMatchObject({ outcome: "succeeded" });
      thread = verdict.threadId;
      return said.flatMap(({ body }) => (body.kind === "command" ? [body.output] : []));
    },
  };
}

/** The model's words; a command that fails at once is not always among the events, so it ends well. */
const read = (path: string): string => `[[shell: cat ${path} 2>&1; sleep 0.3]]`;

describe("what is private", () => {
  it("is in every home; another user's is private as a whole, unless programs of the PATH lie in it", () => {
    const root = userInfo().homedir; // Of /home, or the one of the superuser, whatever HOME says.
    const closed = privatePaths({ HOME: "/nowhere", PATH: "/usr/bin" });
    expect(closed).toEqual(expect.arrayContaining(["/nowhere/.ssh", root]));
    const open = privatePaths({ HOME: "/nowhere", PATH: `/usr/bin:${root}/bin` });
    expect(open).toEqual(expect.arrayContaining(["/nowhere/.ssh", `${root}/.ssh`]));
    expect(open).not.toContain(root);
  });
});

describe("an agent of the real codex", () => {
  it("cannot read its owner's credentials or codex's own folder, at a start and at a resume; without the profile it can", async () => {
    const { outputs, owner, codex, threadId } = await real();
    writeFileSync(join(codex.home, "auth.json"), '{"OPENAI_API_KEY":"sk-of-codex"}');
    const files = [
      ".ssh/id_ed25519",
      ".aws/credentials",
      ".config/gcloud/credentials.db",
      ".kube/config",
      ".docker/config.json",
    ];
    for (const name of [...files, ".npmrc", ".netrc", ".git-credentials"]) {
      mkdirSync(join(owner, name, ".."), { recursive: true });
      writeFileSync(join(owner, name), `secret of ${name}\n`);
    }
    const all = [
      ...[...files, ".npmrc", ".netrc", ".git-credentials"].map((name) => join(owner, name)),
      join(codex.home, "auth.json"),
    ];
    const prompt = read(all.join(" "));
    const readDenied = [...privatePaths({ HOME: owner }), codex.home];

    const [open = ""] = await outputs(prompt, {});
    expect(open.match(/secret of|sk-of-codex/g)).toHaveLength(all.length); // The control.
    const [closed = ""] = await outputs(prompt, { readDenied });
    expect(closed.match(/Permission denied/g)).toHaveLength(all.length);
    expect(closed).not.toMatch(/secret|sk-of/);
    const [resumed] = await outputs(prompt, { readDenied }, threadId());
    expect(resumed).toBe(closed);
  });

  it("starts none of its owner's MCP servers, hooks and notify programs; without the settings each is started", async () => {
    const config = (owner: string): string => {
      const server = JSON.stringify(join(import.meta.dirname, "../../fixtures/mcp-server.mjs"));
      const command = `command = ${JSON.stringify(process.execPath)}\nargs = [${server}, ${JSON.stringify(join(owner, "server"))}]`;
      return `notify = ["/bin/sh", "-c", "touch ${owner}/notified"]
#REST
[mcp_servers.docs]
${command}
[mcp_servers."odd.na me"]
${command}
`;
    };
    const { outputs, owner, codex, environment } = await real({
      config,
      servers: ["docs", "odd.na me", "third", "gone"],
    });
    const list = createServerList({ codexPath: () => codex.codexPath, environment });
    expect([...(await list())].sort()).toEqual(["docs", "odd.na me"]);
    appendFileSync(join(codex.home, "config.toml"), '[mcp_servers.third]\nurl = "http://127.0.0.1:9/mcp"\n');
    expect([...(await list())].sort()).toEqual(["docs", "odd.na me", "third"]);

    // Nor is a run refused for one that is required and cannot be started.
    appendFileSync(
      join(codex.home, "config.toml"),
      '[mcp_servers.docs.env]\n[mcp_servers.gone]\ncommand = "/nonexistent"\nrequired = true\n',
    );
    await outputs("[[final: none]]", { mcp: "none" });
    expect([existsSync(join(owner, "server")), existsSync(join(owner, "notified"))]).toEqual([false, false]);
    const path = join(codex.home, "config.toml");
    writeFileSync(path, readFileSync(path, "utf8").replace("required = true", ""));
    await outputs("[[final: all]]", { mcp: "own" }); // The control.
    expect([existsSync(join(owner, "server")), existsSync(join(owner, "notified"))]).toEqual([true, true]);
  });

  it("gets nothing out of the sandbox by the rules that its owner has allowed codex; without the flag it does", async () => {
    const { outputs, owner, codex } = await real();
    mkdirSync(join(codex.home, "rules"));
    writeFileSync(join(codex.home, "rules/default.rules"), 'prefix_rule(pattern=["touch"], decision="allow")\n');
    const outside = join(owner, "outside");
    const { workdir } = testRunner();
    await codex.exec(`[[shell: touch ${outside}-control]]`, { workingDir: workdir }); // The control.
    expect(existsSync(`${outside}-control`)).toBe(true);
    await outputs(`[[shell: touch ${outside}]]`, {});
    expect(existsSync(outside)).toBe(false);
  });

  it("has no network, web search included, whatever its owner's configuration says, unless it was given", async () => {
    const config = (): string => 'web_search = "live"\n#REST\n[sandbox_workspace_write]\nnetwork_access = true\n';
    const { outputs, codex } = await real({ config });
    const { hostname, port } = new URL(codex.server.baseUrl);
    const prompt = `[[shell: (exec 3<>/dev/tcp/${hostname}/${port}) && echo reached || echo refused; sleep 0.3]]`;
    expect((await outputs(prompt, {}))[0]).toMatch(/^refused$/m);
    expect(JSON.stringify(codex.requests.at(-1)?.body)).not.toContain('"web_search');
    expect((await outputs(prompt, { network: "full" }))[0]).toMatch(/^reached$/m);
    expect(JSON.stringify(codex.requests.at(-1)?.body)).toContain('"web_search');
  });
});
