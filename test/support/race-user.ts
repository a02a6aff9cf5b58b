import type { GitRepo } from "./git-repo.ts";

/** s = add + commit, a = commit -a, o = commit -- path, A = add -A + commit, m = a mixture with everything else people do. */
export type RaceMode = "s" | "a" | "o" | "A" | "m";

/** A user who works in the checkout as fast as told to, and remembers what every file should hold. */
export interface RaceUser {
  readonly commands: number;
  /** Command lines that failed, with what git said. */
  readonly failures: readonly string[];
  readonly expected: ReadonlyMap<string, string>;
  act(): void;
  /** Comes back to `main`. */
  finish(): void;
}

export function createRaceUser(repo: GitRepo, mode: RaceMode): RaceUser {
  const failures: string[] = [];
  const expected = new Map<string, string>();
  let [commands, turn] = [0, 0];

  function run(...args: readonly string[]): boolean {
    commands += 1;
    const { status, stderr, stdout } = repo.tryGit(...args);
    if (status !== 0) failures.push(`git ${args.join(" ")}: ${stderr}${stdout}`);
    return status === 0;
  }

  function edit(path: string): string {
    const text = `turn ${turn}\n`;
    repo.write(path, text);
    expected.set(path, text);
    return path;
  }

  function commit(...args: readonly string[]): void {
    run("commit", "-q", "-m", `user ${turn}`, ...args);
  }

  const own = (): string => `user/${turn % 7}.txt`;
  const actions: readonly (() => void)[] = [
    () => void (run("add", "--", edit(own())) && commit()),
    () => void (run("add", "--", edit(`user/new-${turn}.txt`)) && commit()),
    () => {
      edit("README.md");
      commit("-a");
    },
    () => commit("--", edit("src/main.c")),
    () => {
      edit("README.md");
      run("add", "--", "README.md");
      // Keeps the message: the commit that is amended may be one of the other side.
      run("commit", "-q", "--amend", "--no-edit");
    },
    () => {
      edit("src/main.c");
      if (run("stash", "push", "-q") && run("stash", "pop", "-q")) commit("-a");
    },
    () => void (run("switch", "-q", "-c", `topic-${turn}`) && workOnTopic()),
    () => void run("status", "--short"),
    () => void run("reset", "-q", "--hard", "HEAD"),
    () => void run("-c", "gc.auto=100", "-c", "gc.autoDetach=false", "gc", "-q", "--auto"),
    () => void run("checkout", "-q", "HEAD", "--", "README.md"),
  ];

  /** Two commits on a branch of its own, then merged or rebased and merged fast. */
  function workOnTopic(): void {
    const topic = `topic-${turn}`;
    if (run("add", "--", edit(`user/topic-${turn}.txt`))) commit();
    run("switch", "-q", "main");
    if (turn % 2 === 0) run("merge", "-q", "--no-ff", "-m", `merge ${turn}`, topic);
    else if (run("rebase", "-q", "main", topic) && run("switch", "-q", "main"))
      run("merge", "-q", "--no-ff", "-m", `merge ${turn}`, topic);
    run("branch", "-q", "-D", topic);
  }

  const byMode: Record<RaceMode, () => void> = {
    s: () => void (run("add", "--", edit(own())) && commit()),
    a: () => {
      edit("README.md");
      commit("-a");
    },
    o: () => commit("--", edit("src/main.c")),
    A: () => {
      edit(`user/${turn}.txt`);
      if (run("add", "--all")) commit();
    },
    m: () => actions[Math.floor(Math.random() * actions.length)]?.(),
  };

  return {
    get commands() {
      return commands;
    },
    failures,
    expected,
    act() {
      turn += 1;
      if (turn === 1) for (const path of ["README.md", "src/main.c"]) expected.set(path, repo.read(path) ?? "");
      byMode[mode]();
    },
    finish() {
      turn += 1;
      if (repo.git("branch", "--show-current") !== "main") run("switch", "-q", "main");
    },
  };
}
