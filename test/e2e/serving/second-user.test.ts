import { execFile } from "node:child_process";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

/** Tries to read the token, and asks with it, or without where it cannot be had. */
const PROGRAM = `
const { readFileSync } = require("node:fs");
const [path, url] = process.argv.slice(1);
const said = { uid: process.getuid() };
let headers = {};
try {
  headers = { authorization: "Bearer " + JSON.parse(readFileSync(path, "utf8")).token };
  said.read = "read";
} catch (error) {
  said.read = error.code;
}
(async () => {
  const ask = async (path, init) => (await fetch(url + path, { ...init, headers })).status;
  said.health = await ask("/health");
  said.status = await ask("/status");
  said.post = await ask("/tasks", { method: "POST", body: "Planted. [[final: ok]]" });
  said.pause = await ask("/pause", { method: "POST" });
  console.log(JSON.stringify(said));
})();
`;

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

async function tryAs(uid: number | undefined, workspace: TestWorkspace, url: string): Promise<unknown> {
  const args = ["-e", PROGRAM, join(workspace.stateDir, "server.json"), url];
  const user = uid === undefined ? {} : { uid, gid: uid };
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: "/", env: {}, ...user });
  return JSON.parse(stdout);
}

/** Everybody may come as far as the file: its own mode is what is left. */
function openFolders(workspace: TestWorkspace): void {
  const folders = [dirname(workspace.dir), workspace.dir, dirname(workspace.stateDir), workspace.stateDir];
  for (const folder of folders) chmodSync(folder, 0o755);
}

it.runIf(isRoot)("another user of the machine can neither read the token nor ask anything without it", async () => {
  const workspace = await tempWorkspace();
  const coordinator = workspace.serve();
  const url = await coordinator.url();
  openFolders(workspace);
  const refused = { health: 401, status: 401, post: 401, pause: 401 };
  expect(await tryAs(NOBODY, workspace, url)).toEqual({ uid: NOBODY, read: "EACCES", ...refused });
  expect(workspace.stateFiles("journal/open")).toEqual([]);
  const own = await tryAs(undefined, workspace, url); // The control: the same program, as the user.
  expect(own).toEqual({ uid: 0, read: "read", health: 200, status: 200, post: 202, pause: 200 });
  expect(coordinator.lines("accepted")).toHaveLength(1);
});

it("the token is in server.json alone, which only the user can read", async () => {
  const workspace = await tempWorkspace();
  const coordinator = workspace.serve();
  const url = await coordinator.url();
  const path = join(workspace.stateDir, "server.json");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const { token } = JSON.parse(readFileSync(path, "utf8"));
  expect(token).toMatch(/^[\w-]{43}$/);
  const wrong = await fetch(`${url}/tasks`, {
    method: "POST",
    headers: { authorization: "Bearer x" },
    body: "Planted.",
  });
  expect(wrong.status).toBe(401);
  const answers = [
    await wrong.text(),
    await (await coordinator.ask("/health")).text(),
    await (await coordinator.ask("/status")).text(),
    ...[await workspace.command("status", "--json"), await workspace.command("status")].map(({ stdout }) => stdout),
    (await workspace.serve().ended.then(() => workspace.command("ls", "--json"))).stdout,
  ];
  expect(JSON.parse(answers[2] ?? "")).toMatchObject({ server: { url } });
  for (const text of [...answers, coordinator.log()]) expect(text).not.toContain(token);
  coordinator.signal("SIGTERM");
  await coordinator.ended;
  const next = workspace.serve();
  await next.url();
  expect(next.token()).not.toBe(token);
  expect(readFileSync(path, "utf8")).not.toContain(token);
});

it("a coordinator on a Unix socket alone is asked by commands, and follows one that was killed", async () => {
  const workspace = await tempWorkspace();
  const first = workspace.serve({ args: ["--port", "off", "--socket"] });
  const socket = (await first.saw("serving")).field("socket") ?? "";
  expect(socket).toBe(join(workspace.stateDir, "socket/http"));
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  await first.kill();
  const second = workspace.serve({ args: ["--port", "off", "--socket"] });
  await second.saw("serving");
  const status = await workspace.command("status", "--json");
  expect(JSON.parse(status.stdout)).toMatchObject({ server: { url: null, socket }, health: { pid: second.pid } });
  expect((await workspace.command("status")).stdout).toContain(` at ${socket}`);
  const refused = workspace.serve({ args: ["--port", "off", "--socket"] });
  expect((await refused.ended).code).toBe(4);
  expect(refused.log()).toContain(socket);
});
