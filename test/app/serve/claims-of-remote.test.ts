import { join } from "node:path";
import { expect, it } from "vitest";
import { claimsOpener } from "../../../src/app/serve/claims-of-remote.ts";
import type { ClaimsRemote } from "../../../src/dispatch/claims/claims-remote.ts";
import type { WorkspacePlace } from "../../../src/git/repository/workspace-place.ts";
import { createRemote } from "../../../src/git/sync/remote.ts";
import { type Claim, claimRef } from "../../../src/task/claims/claim.ts";
import { emptyLedger } from "../../../src/task/ledger/ledger.ts";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";
import { onTestFinished } from "../../support/test-end.ts";
import { taskId } from "../../support/two-clones.ts";

const NEVER = new AbortController().signal;
const [ONE, TWO] = [taskId(1), taskId(2)];

function claimOf(clone: string, task: string, generation = 1): Claim {
  return { task, clone, name: clone, generation, atMs: 1_795_000_000_000 };
}

function connect(repo: GitRepo): ClaimsRemote {
  const gitDir = join(repo.dir, ".git");
  const place = { topDir: repo.dir, gitDir, commonDir: gitDir, workspaceDir: repo.dir } as WorkspacePlace;
  const claims = claimsOpener(place, () => "main")(createRemote(place, { name: "origin", branch: "main" }));
  if (claims === undefined) throw new Error("a remote has claims");
  onTestFinished(() => claims.close());
  return claims;
}

/** A bare repository, two clones of it, and what each of these knows of its claims. */
function clones() {
  const bare = gitRepoAt(join(tempDir(), "bare"));
  const one = tempRepo();
  one.git("init", "--quiet", "--bare", "-b", "main", bare.dir);
  one.git("remote", "add", "origin", bare.dir);
  one.git("push", "--quiet", "origin", "main");
  const other = gitRepoAt(join(tempDir(), "other"));
  one.git("clone", "--quiet", bare.dir, other.dir);
  return { bare, one, a: connect(one), b: connect(other) };
}

it("of two clones that ask for a claim at once one gets it, and both know whose it is", async () => {
  const { bare, a, b } = clones();
  const ask = (clone: string) => [ONE, TWO].map((task) => ({ task, expected: undefined, claim: claimOf(clone, task) }));
  const answers = await Promise.all([a.swap(ask("aaaaaa"), NEVER), b.swap(ask("bbbbbb"), NEVER)]);
  expect(answers.flatMap((moved) => [...moved]).sort()).toEqual([ONE, TWO]);
  const [mine, theirs] = await Promise.all([a.look(NEVER), b.look(NEVER)]);
  expect(mine.claims).toEqual(theirs.claims);
  for (const [index, clone] of ["aaaaaa", "bbbbbb"].entries())
    for (const task of answers[index] ?? []) expect(mine.claims.get(task)?.claim).toEqual(claimOf(clone, task));
  expect((await a.seen()).claims).toEqual(mine.claims);
  expect(bare.git("for-each-ref", "--format=%(refname)", "refs/codex-inbox")).toBe(
    `${claimRef(ONE)}\n${claimRef(TWO)}`,
  );
});

it("a claim moves and goes only from what was seen, each for itself", async () => {
  const { a, b } = clones();
  const asked = [ONE, TWO].map((task) => ({ task, expected: undefined, claim: claimOf("aaaaaa", task) }));
  await a.swap(asked, NEVER);
  const seen = await b.look(NEVER);
  const blob = (task: string) => seen.claims.get(task)?.blob;
  const next = claimOf("bbbbbb", ONE, 2);
  expect(await b.swap([{ task: ONE, expected: blob(ONE), claim: next }], NEVER)).toEqual(new Set([ONE]));
  const gone = [ONE, TWO].map((task) => ({ task, expected: blob(task), claim: undefined }));
  expect(await a.swap(gone, NEVER)).toEqual(new Set([TWO]));
  expect([...(await a.look(NEVER)).claims].map(([task, { claim }]) => [task, claim])).toEqual([[ONE, next]]);
});

it("tells what the branch of the remote says of a task, as of the last look", async () => {
  const { one, a, b } = clones();
  expect(await (await b.look(NEVER)).row(ONE)).toBeUndefined();
  const row = `| 2026-11-20T14:17:02.000Z | ${ONE} | docs | 1 |  | succeeded |  |\n`;
  one.write("tasks.md", `${emptyLedger()}${row}`);
  one.git("add", "-A");
  one.git("commit", "--quiet", "-m", "a result");
  one.git("push", "--quiet", "origin", "main");
  expect(await (await b.seen()).row(ONE)).toBeUndefined();
  for (const seen of [await b.look(NEVER), await a.look(NEVER)])
    expect(await seen.row(ONE)).toMatchObject({ run: 1, status: "succeeded" });
});

it("a text that is no claim of ours is one that is not ours", async () => {
  const { bare, one, a } = clones();
  const blob = bare.git("--git-dir=.", "hash-object", "-w", join(one.dir, "README.md"));
  bare.git("update-ref", claimRef(ONE), blob);
  bare.git("update-ref", "refs/codex-inbox/claims/no-task", blob);
  const { claims } = await a.look(NEVER);
  expect([...claims.keys()]).toEqual([ONE]);
  expect(claims.get(ONE)).toMatchObject({ blob, claim: { generation: 1 } });
  expect(claims.get(ONE)?.claim.clone).not.toMatch(/^[0-9a-z]{6}$/);
});

it("a remote that takes no claims says so", async () => {
  const { bare, a } = clones();
  bare.git("config", "receive.hideRefs", "refs/codex-inbox");
  const asked = [{ task: ONE, expected: undefined, claim: claimOf("aaaaaa", ONE) }];
  await expect(a.swap(asked, NEVER)).rejects.toMatchObject({
    code: "TRY_AGAIN",
    message: expect.stringContaining("takes no claims"),
  });
});
