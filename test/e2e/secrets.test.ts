import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { mergeFrom, twoClones } from "../support/clones.ts";
import type { GitRepo } from "../support/git-repo.ts";
import {
  formsOf,
  LOGIN_SECRET,
  PLANTED_SECRETS,
  type PlantedSecret,
  SECRET_ENVIRONMENT,
} from "../support/planted-secrets.ts";
import { type TestWorkspace, tempWorkspace } from "../support/workspace.ts";

/** What the agent is to do, such that nothing of it stands in the prompt. */
function hidden(...directives: readonly string[]): string {
  return directives.map((text) => `[[hex:${Buffer.from(text).toString("hex")}]]`).join("\n");
}

/** A word for the shell. */
function word(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

async function workspaceWithSecrets(): Promise<TestWorkspace> {
  const workspace = await tempWorkspace({ environment: SECRET_ENVIRONMENT });
  writeFileSync(join(workspace.home, "auth.json"), JSON.stringify({ tokens: { access_token: LOGIN_SECRET } }));
  return workspace;
}

/**
 * Every object of the repository: blobs, trees (names), commits (messages); but what is on the held refs alone. An agent's change that holds a
 * secret is kept there, on this machine: it is code, which redacting would break. The trees that were made on the way to it are on no ref.
 */
function objectsOf(repo: GitRepo): string {
  const ids = (text: string): ReadonlySet<string> =>
    new Set(text.split("\n").map((line) => line.split(" ", 1)[0] ?? ""));
  const others = ["--exclude=refs/codex-inbox/held/*", "--all"];
  const shared = ids(repo.git("rev-list", "--objects", ...others));
  const held = ids(repo.git("rev-list", "--objects", "--glob=refs/codex-inbox/held/*", "--not", ...others));
  const all = repo.git("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname) %(objecttype)");
  const looked = all.split("\n").flatMap((line) => {
    const [id = "", type] = line.split(" ");
    return shared.has(id) || (type !== "tree" && !held.has(id)) ? [id] : [];
  });
  expect(looked.length).toBeGreaterThan(PLANTED_SECRETS.length);
  const options = { cwd: repo.dir, input: `${looked.join("\n")}\n`, maxBuffer: 1 << 28 };
  return spawnSync("git", ["cat-file", "--batch"], options).stdout.toString("latin1");
}

function everyFile(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.name}\n${readFileSync(join(entry.parentPath, entry.name), "utf8")}`)
    .join("\n");
}

/** What of a secret, in any form, stands in a text. */
function leaksOf({ kind, secret }: PlantedSecret, text: string): readonly string[] {
  const body = /-----\n([\s\S]*)\n-----END/.exec(secret)?.[1] ?? secret;
  return [...formsOf(body), body.slice(-16), body.slice(0, 16)].flatMap((form) =>
    text.includes(form) ? [`${kind}: ${form.slice(0, 60)}`] : [],
  );
}

function expectNoSecret(text: string): void {
  expect(PLANTED_SECRETS.flatMap((planted) => leaksOf(planted, text))).toEqual([]);
}

/** It can be a name, and is a secret without anything around it. */
const isName = ({ secret, line }: PlantedSecret): boolean =>
  secret === line && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(secret);
const isWord = (text: string): boolean => /^[^\n'"\\]+$/.test(text);

it("no planted secret is in any object of the repository, whatever way it came, and the text around it is untouched", async () => {
  const workspace = await workspaceWithSecrets();
  const [first = "", ...rest] = PLANTED_SECRETS.map(({ line }) => line);
  writeFileSync(
    join(workspace.dir, "MEMORY.md"),
    `- zebra notes: ${PLANTED_SECRETS.map(({ line }) => line).join("\n- zebra: ")}\n`,
  );
  for (const [index, planted] of PLANTED_SECRETS.entries()) {
    const { kind, secret, line, isKnown } = planted;
    const half = Math.floor(secret.length / 2);
    const file = join(workspace.home, `${index}.txt`);
    writeFileSync(file, secret);
    const frontMatter = {
      title: `T${index} ${line.includes("\n") ? kind : line}`,
      [line.length > 90 ? "note" : `x ${line}`]: `value ${line} end`,
      nested: { deep: [line, { key: line }] },
      ...(isName(planted) ? { sessionKey: `team/${secret}` } : {}),
    };
    const says = isKnown
      ? [
          `[[say: ${secret.slice(0, half)}]]`,
          `[[say: ${secret.slice(half)}]]`,
          `[[command: head -c ${half} ${file}]]`,
          `[[command: tail -c +${half + 1} ${file}; echo]]`,
        ]
      : [];
    const encoded = isKnown
      ? [
          `[[say: ${encodeURIComponent(secret)}]]`,
          `[[say: ${Buffer.from(`user:${secret}`).toString("base64")}]]`,
          `[[say: ${JSON.stringify(JSON.stringify({ secret }))}]]`,
        ]
      : [];
    const script = hidden(
      `[[say: first ${line} then]]`,
      `[[command: printf '%s\\n' ${word(line)}]]`,
      `[[command: printf '%s' ${word(JSON.stringify({ line }))}]]`,
      ...(isName(planted) ? [`[[command: touch ${word(`${secret}.txt`)}]]`, `[[write made/${secret}.md: x]]`] : []),
      ...says,
      ...encoded,
      `[[error: server said ${line} twice]]`,
      `[[final: answer ${line} end]]`,
    );
    const name = isName(planted) ? secret : `${index}-${kind}`;
    workspace.drop(
      `${name}.md`,
      `---\n${JSON.stringify(frontMatter)}\n---\nzebra\nbefore\n${line}\nafter\n${script}\n`,
    );
  }
  workspace.drop("api.md", `Ask.\n${hidden(`[[fail: bad request: ${first} and ${rest.join(" ")}]]`)}\n`);
  const words = PLANTED_SECRETS.filter(({ line }) => isWord(line));
  const printed = join(workspace.home, "printed.txt");
  writeFileSync(printed, PLANTED_SECRETS.map(({ line }) => line).join("\n"));
  const verify = `cat ${printed}; echo ${words.map(({ line }) => word(line)).join(" ")} >/dev/null; false`;
  workspace.drop(
    "verify.md",
    `---\n${JSON.stringify({ verifyCommand: verify, maxVerifyAttempts: 1, followUp: true })}\n---\nVerify.\n`,
  );
  workspace.drop(
    "passes.md",
    `---\n${JSON.stringify({ verifyCommand: `echo ${words.map(({ line }) => word(line)).join(" ")}` })}\n---\nPass.\n`,
  );
  for (const { line, kind } of words.slice(0, 3))
    workspace.drop(`broken-${kind}.md`, `---\nsandbox: "${line}"\n---\nBroken.\n`);
  const coordinator = await workspace.serveUntilIdle({ code: 1 });

  expectNoSecret(objectsOf(workspace.repo));
  expectNoSecret(coordinator.log());
  expectNoSecret(everyFile(join(workspace.stateDir, "journal")));
  expectNoSecret(
    readdirSync(join(workspace.dir, "inbox"))
      .filter((name) => name.endsWith(".error.md"))
      .map((name) => readFileSync(join(workspace.dir, "inbox", name), "utf8"))
      .join("\n"),
  );
  expectNoSecret(
    workspace
      .stubRuns()
      .map(({ prompt }) => prompt)
      .join("\n"),
  );

  const files = workspace.repo
    .git("ls-files", "sessions")
    .trim()
    .split("\n")
    .filter((path) => path.endsWith(".md"));
  // A prompt and an answer stand as quotes.
  const texts = files.map((path) => readFileSync(join(workspace.dir, path), "utf8").replaceAll(/^> /gm, ""));
  for (const { kept } of PLANTED_SECRETS) {
    const task = texts.find((text) => text.includes(`zebra\nbefore\n${kept}\nafter\n`));
    expect(task, kept).toContain(`answer ${kept} end`);
  }
  // As many tasks as were dropped: none has taken another's place.
  expect(texts.length).toBeGreaterThanOrEqual(PLANTED_SECRETS.length + 3);
  expect(workspace.repo.git("for-each-ref", "refs/codex-inbox/held/")).not.toBe("");
  expect(coordinator.lines("secret-redacted").length).toBeGreaterThanOrEqual(PLANTED_SECRETS.length);
}, 120_000);

const TOKEN = PLANTED_SECRETS.find(({ kind }) => kind === "github-token");
const OTHER = PLANTED_SECRETS.find(({ kind }) => kind === "gitlab-personal-access-token");

it("a secret that came by commit is said at once, the task is run once, and nothing of ours repeats it", async () => {
  if (TOKEN === undefined) throw new Error("no token");
  const workspace = await workspaceWithSecrets();
  workspace.repo.git("config", "author.name", `Ada ${TOKEN.secret}`);
  workspace.commitDrop(`${TOKEN.secret}.md`, `Use ${TOKEN.secret} now.\n`);
  workspace.repo.git("config", "--unset", "author.name");
  workspace.commitDrop("broken.md", `---\nsandbox: ${TOKEN.secret}\n---\nBroken.\n`);
  const before = new Set(
    workspace.repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split("\n"),
  );
  const brought = workspace.repo.git("log", "-1", "--format=%H", "--", `inbox/${TOKEN.secret}.md`);

  const coordinator = await workspace.serveUntilIdle({ code: 1 });
  const [said] = coordinator.lines("secret-in-history");
  expect(said?.field("commit")).toBe(brought);
  expect(said?.text).toMatch(/kinds="?github-token.*revoke it/);
  expectNoSecret(coordinator.log());
  expect(workspace.stubRuns().map(({ prompt }) => prompt)).toEqual(["Use [redacted: github-token] now.\n"]);

  const after = workspace.repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)");
  const ours = after.split("\n").filter((line) => !before.has(line.split(" ")[0] ?? ""));
  // The trees of the time until the drop is taken out name it, as the commit that brought it does.
  const texts = ours
    .filter((line) => !line.endsWith(" tree"))
    .map((line) => workspace.repo.git("cat-file", "-p", line.split(" ")[0] ?? ""));
  expectNoSecret(texts.join("\n"));
  expect(texts.join("\n")).toContain("secret is in the history of this branch already");
  expect(workspace.repo.git("ls-tree", "-r", "--name-only", "HEAD")).not.toContain(TOKEN.secret);
  expect(texts.join("\n")).toContain("Requested-By: Ada [redacted: github-token]");

  await workspace.serveUntilIdle({ code: 1 });
  expect(workspace.stubRuns()).toHaveLength(1);
});

it("scan tells where a secret is, in the branch and in its history, and shows none", async () => {
  if (TOKEN === undefined || OTHER === undefined) throw new Error("no token");
  const workspace = await workspaceWithSecrets();
  const clean = await workspace.command("scan", "--history");
  expect(clean.code, clean.stdout).toBe(0);

  workspace.repo.write("src/key.ts", `// a key\nexport const key = "${TOKEN.secret}";\n`);
  workspace.repo.git("add", "--all");
  workspace.repo.git("commit", "--quiet", "-m", `add a key\n\nfor ${OTHER.secret}`);
  const commit = workspace.repo.git("rev-parse", "HEAD");
  workspace.repo.git("rm", "--quiet", "src/key.ts");
  workspace.repo.git("commit", "--quiet", "-m", "remove the key");

  expect((await workspace.command("scan")).code).toBe(0);
  const found = await workspace.command("scan", "--history");
  expect(found.code).toBe(1);
  expect(found.stdout.trim().split("\n")).toEqual([
    `${commit.slice(0, 12)}  (message):3  ${OTHER.kind}`,
    `${commit.slice(0, 12)}  src/key.ts:2  ${TOKEN.kind}`,
  ]);
  const asJson = await workspace.command("scan", "--history", "--json", "main");
  expect(JSON.parse(asJson.stdout).findings).toEqual([
    { commit, path: null, line: 3, kind: OTHER.kind },
    { commit, path: "src/key.ts", line: 2, kind: TOKEN.kind },
  ]);
  expectNoSecret(found.stdout + found.stderr + asJson.stdout);
  expect((await workspace.command("scan", "HEAD~1")).stdout).toContain("src/key.ts:2");
  expect((await workspace.command("scan", "no-such-branch")).code).toBe(3);
});

it("two clones that both took secrets out merge, whatever each of them knows", async () => {
  const secret = PLANTED_SECRETS.find(({ isKnown }) => isKnown);
  if (secret === undefined || TOKEN === undefined || OTHER === undefined) throw new Error("no secret");
  const { a, b } = await twoClones(undefined, { environment: SECRET_ENVIRONMENT });
  for (const [workspace, name] of [
    [a, "one"],
    [b, "two"],
  ] as const) {
    workspace.drop(
      `docs/${name}.md`,
      `${name} ${TOKEN.secret} ${secret.secret}\n${hidden(`[[final: ${name} ${secret.secret}]]`)}\n`,
    );
    workspace.drop(`${name}.md`, `---\nsessionKey: team/${TOKEN.secret}\n---\nSame key.\n`);
    workspace.drop(`${name}-other.md`, `---\nsessionKey: team/${OTHER.secret}\n---\nOther key.\n`);
    await workspace.serveUntilIdle();
  }
  mergeFrom(a.repo, b.repo);
  expect(a.repo.git("status", "--porcelain")).toBe("");
  expectNoSecret(objectsOf(a.repo));
  const sessions = a.repo.git("ls-tree", "--name-only", "HEAD", "sessions/team/").split("\n");
  // One name for one key, in both clones; and two keys stay two.
  expect(sessions).toHaveLength(2);
  expect(
    sessions.every((path) => /^sessions\/team\/redacted-(github|gitlab)[a-z-]*-token-[0-9a-f]{8}$/.test(path)),
  ).toBe(true);
  expect(a.repo.git("ls-tree", "-r", "--name-only", "HEAD", "sessions/docs").match(/\.md$/gm)).toHaveLength(2);
  await a.serveUntilIdle();
  expect(a.stubRuns()).toHaveLength(3);
});

it("a task of another clone that knew no secret in it is taken over without it", async () => {
  const { a, b } = await twoClones();
  const [secret] = PLANTED_SECRETS.filter(({ kind }) => kind === "environment-secret");
  if (secret === undefined) throw new Error("no secret");
  a.commitDrop(
    "waits.md",
    `---\n${JSON.stringify({ title: secret.secret, notBefore: "2099-01-01T00:00:00Z" })}\n---\nUse ${secret.secret}.\n`,
  );
  await a.serveUntilIdle({ code: 75 });
  expect(objectsOf(a.repo)).toContain(secret.secret); // It does not know it.
  mergeFrom(b.repo, a.repo);
  const coordinator = await b.serveUntilIdle({ code: 75, args: ["--take-over"], environment: SECRET_ENVIRONMENT });
  expect(coordinator.lines("taken-over")).toHaveLength(1);
  const journal = everyFile(join(b.stateDir, "journal"));
  expect(leaksOf(secret, journal)).toEqual([]);
  expect(journal).toContain("Use [redacted: environment-secret].");
});
