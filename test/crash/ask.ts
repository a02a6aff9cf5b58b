import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SeededRandom } from "../support/seeded-random.ts";
import { type AskedTask, taskText } from "./asked-tasks.ts";
import type { Step } from "./history.ts";
import type { Answer } from "./home/coordinator-life.ts";
import type { TortureHome } from "./home/torture-home.ts";

/** Asks for a task in one of the ways there are. */
export async function ask(
  home: TortureHome,
  { way, plan }: Step & { kind: "ask" },
  random: SeededRandom,
): Promise<string> {
  const number = home.tasks.length + 1;
  const isFile = way === "untracked" || way === "staged" || way === "committed";
  const path = isFile ? `inbox/${random.pick(["", "", "docs/", "api/"])}task-${number}.md` : undefined;
  const task: AskedTask = {
    ...{ number, dir: home.dir, way, path, plan, id: undefined },
    ...{ isUncertain: false, wasTouched: false, retries: 0, retriesUncertain: 0 },
  };
  home.tasks.push(task);
  const text = taskText(number, plan);
  if (way === "http") return askByHttp(home, task, text);
  if (path === undefined) return askByCommand(home, task, text);
  return home.alone(async () => {
    mkdirSync(dirname(join(home.dir, path)), { recursive: true });
    writeFileSync(join(home.dir, path), text);
    if (way === "untracked") return path;
    await home.user.shell(`git add -- ${path} || [ ! -e ${path} ]`); // Taken before it could be staged.
    if (way === "staged") return path;
    await home.user.shell(`git commit -q -m 'user: ask ${number}' -- ${path} || [ ! -e ${path} ]`);
    return path;
  });
}

async function askByCommand(home: TortureHome, task: AskedTask, text: string): Promise<string> {
  const file = join(home.place.base, `asked-${task.number}.md`);
  writeFileSync(file, text);
  const { code, stdout } = await home.command("add", "--file", file);
  task.isUncertain = code !== 0;
  task.id = code === 0 ? stdout.trim() : undefined;
  return `add ended with ${code}`;
}

/** As clients do: what was not answered is asked once more, under the same key. */
async function askByHttp(home: TortureHome, task: AskedTask, text: string): Promise<string> {
  const headers = { "content-type": "text/markdown", "idempotency-key": `task-${task.number}` };
  const send = (): Promise<Answer | undefined> | undefined => home.living()?.ask("POST", "/tasks", text, headers);
  const answer = (await send()) ?? (await send());
  if (answer === undefined) task.isUncertain = true;
  else if (answer.status === 202 || answer.status === 200) task.id = String(answer.body.id);
  else task.isUncertain = true; // Refused for the moment; nothing may come of it.
  return `POST /tasks: ${answer?.status ?? "no answer"}`;
}
