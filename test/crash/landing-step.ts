import { settle } from "../support/git-stress/user-actions.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import { waitFor } from "../support/wait-for.ts";
import { ask } from "./ask.ts";
import type { TortureHome } from "./home/torture-home.ts";

/** Of the landings that happen beside changes of the user's that are not committed none is done. */
const TIDY_SHARE = 0.8;
const WORK_MS = 3_000;
const SESSIONS = ["docs", "api", "ops/db", "ui"] as const;

/**
 * Lands the work of a session. Where none has any, a task makes some first: else hardly a history in forty would come to it.
 *
 * @param pick in [0, 1)
 * @param startAnew starts a coordinator where none lives
 */
export async function land(
  home: TortureHome,
  pick: number,
  random: SeededRandom,
  startAnew: () => Promise<unknown>,
): Promise<string> {
  if (home.living() === undefined) await startAnew();
  if (ableToLand(home).length === 0) {
    const plan = { script: `write=agent/landed-${home.tasks.length} ok`, keys: ["worktree: always"] };
    await ask(home, { kind: "ask", way: "http", plan: { ...plan, session: random.pick(SESSIONS) } }, random);
    const isDone = (): boolean => home.living() === undefined || ableToLand(home).length > 0;
    await waitFor(isDone, { what: "work to land", timeoutMs: WORK_MS }).catch(() => undefined);
  }
  return home.alone(async () => {
    if (pick < TIDY_SHARE) await settle(home.user); // Else it may only be made ready.
    const able = ableToLand(home);
    const session = able[Math.floor(pick * able.length)] ?? "docs";
    const answer = await home.living()?.ask("POST", `/sessions/${session}/land`, {});
    return `land: ${answer?.status ?? "no answer"} ${answer?.body.state ?? ""}`;
  });
}

/** Sessions whose branches hold what main does not. */
function ableToLand({ repo }: TortureHome): readonly string[] {
  const branches = repo.git("for-each-ref", "--format=%(refname)", "--no-merged=main", "refs/heads/codex-inbox/");
  return SESSIONS.filter((key) => branches.includes(`refs/heads/codex-inbox/${key.replaceAll("/", "-")}-`));
}
