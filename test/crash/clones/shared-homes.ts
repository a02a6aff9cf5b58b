import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { type AskedTask, taskText } from "../asked-tasks.ts";
import type { TaskPlan } from "../history.ts";
import { makePlace, type Place } from "../home/place.ts";
import { copyTemplate, makeCodexHome, makeHome, repositoryIn, type TortureHome } from "../home/torture-home.ts";

/** A bare repository, two clones of it that are served, and a third one whose user only pushes. */
export interface SharedHomes {
  readonly place: Place;
  readonly bare: GitRepo;
  readonly homes: readonly [TortureHome, TortureHome];
  readonly pusher: GitRepo;
  /** Asked for in any of them. */
  readonly tasks: AskedTask[];
  isAway(): boolean;
  /** The remote cannot be reached, as behind a network that comes and goes. */
  setAway(isAway: boolean): void;
  /** Commits task files, and a file of the user's own, and pushes: after a pull where others were faster. */
  push(plans: readonly TaskPlan[]): Promise<void>;
}

export interface SharedHomesOptions {
  readonly template: string;
  readonly packageDir: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly without: string | undefined;
  readonly isAlone: boolean;
}

const PUSHES_MAX = 100;
const AGAIN_MS = 100;
const NAMES = ["first", "second"] as const;

export function makeSharedHomes(options: SharedHomesOptions): SharedHomes {
  const place = makePlace(true);
  const origin = { ...place, dir: join(place.base, "origin") };
  mkdirSync(origin.dir);
  copyTemplate(options.template, origin, { ...options.settings, sync: { remote: "origin", intervalMs: 1_000 } });
  const made = gitRepoAt(repositoryIn(origin));
  for (const name of NAMES) for (let n = 0; n < 4; n += 1) made.write(`${name}/first-${n}.txt`, `first ${n}\n`);
  made.git("add", "--", ...NAMES);
  made.git("commit", "--quiet", "-m", "users: files");
  const bare = gitRepoAt(join(place.base, "bare.git"));
  made.git("clone", "--quiet", "--bare", made.dir, bare.dir);
  const clone = (name: string, dir: string): GitRepo => {
    made.git("clone", "--quiet", bare.dir, dir);
    const repo = gitRepoAt(dir);
    for (const [key, value] of [
      ["gc.auto", "0"],
      ["pull.rebase", "false"],
      ["user.name", name],
      ["user.email", `${name}@example.org`],
    ] as const)
      repo.git("config", key, value);
    return repo;
  };

  const tasks: AskedTask[] = [];
  const codexHome = makeCodexHome(place.base);
  const home = (name: (typeof NAMES)[number]): TortureHome => {
    const own = { ...place, base: join(place.base, name), dir: join(place.dir, name) };
    for (const dir of [own.base, own.dir]) mkdirSync(dir);
    clone(name, repositoryIn(own)).git("branch", "before", "HEAD~1");
    const { packageDir, without, isAlone } = options;
    return makeHome({
      ...{ place: own, packageDir, without, tasks, codexHome, isAlone },
      ...{ userPlaces: [name], isShared: true },
    });
  };
  const away = `${bare.dir}.away`;
  const pusher = clone("third", join(place.base, "third"));
  let pushes = 0;
  return {
    ...{ place, bare, pusher, tasks },
    homes: [home("first"), home("second")],
    isAway: () => existsSync(away),
    setAway(isAway) {
      if (isAway && existsSync(bare.dir)) renameSync(bare.dir, away);
      if (!isAway && existsSync(away)) renameSync(away, bare.dir);
    },
    async push(plans) {
      pushes += 1;
      pusher.write(`third/file-${pushes}.txt`, `push ${pushes}\n`);
      const paths = [`third/file-${pushes}.txt`];
      for (const plan of plans) {
        const number = tasks.length + 1;
        const path = `inbox/task-${number}.md`;
        tasks.push({
          ...{ number, dir: pusher.dir, way: "committed", path, plan, id: undefined },
          ...{ isUncertain: false, wasTouched: false, retries: 0, retriesUncertain: 0 },
        });
        pusher.write(path, taskText(number, plan));
        paths.push(path);
      }
      pusher.git("add", "--", ...paths);
      pusher.git("commit", "--quiet", "-m", `third: push ${pushes}`);
      for (let count = 1; ; count += 1) {
        const pushed = pusher.tryGit("push", "--quiet", "origin", "HEAD:main");
        if (pushed.status === 0) return;
        if (count === PUSHES_MAX) throw new Error(`the third user could not push: ${pushed.stderr}`);
        const pulled = pusher.tryGit("pull", "--quiet", "--no-edit", "origin", "main");
        if (pulled.status !== 0 && /CONFLICT/.test(pulled.stdout + pulled.stderr))
          throw new Error(`the third user could not pull: ${pulled.stdout}${pulled.stderr}`);
        if (pulled.status !== 0) await delay(AGAIN_MS);
      }
    },
  };
}
