import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { askCoordinator } from "../../src/app/queries/coordinator-client.ts";
import type { Queries } from "../../src/app/queries/queries.ts";
import { type Listener, listen } from "../../src/server/listen.ts";
import { fakeCoordinator, taskView } from "../fakes/fake-cli-deps.ts";
import { tempDir } from "../support/temp-dir.ts";

const COORDINATOR = fakeCoordinator({ find: async () => taskView() });

async function listenAt(socketPath: string, port?: number): Promise<Listener> {
  const listener = await listen(COORDINATOR, { port, socketPath });
  onTestFinished(() => listener.close());
  return listener;
}

/** The status of an answer over the socket. */
function ask(socketPath: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request("http://localhost/health", { socketPath, headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.once("error", reject).end();
  });
}

describe("a Unix socket", () => {
  it("is for the user alone, in a folder for the user alone, and needs the token too", async () => {
    const path = join(tempDir(), "made/socket");
    const { token, url } = await listenAt(path);
    expect(url).toBeUndefined();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
    expect(await ask(path, {})).toBe(401);
    expect(await ask(path, { authorization: `Bearer ${token}` })).toBe(200);
    expect(await ask(path, { authorization: `Bearer ${token}`, host: "evil.example" })).toBe(403);
  });

  it("serves beside the port, whose names it does not widen", async () => {
    const path = join(tempDir(), "made/socket");
    const { token, url = "" } = await listenAt(path, 0);
    const headers = { authorization: `Bearer ${token}` };
    expect(await ask(path, headers)).toBe(200);
    expect((await fetch(`${url}/health`, { headers })).status).toBe(200);
    expect((await fetch(`${url}/health`, { headers: { ...headers, origin: "http://localhost" } })).status).toBe(403);
  });

  it("is asked by the commands where there is no port", async () => {
    const path = join(tempDir(), "made/socket");
    const { token } = await listenAt(path);
    const files = (): Queries => {
      throw new Error("it was not asked");
    };
    const remote = askCoordinator({ url: "http://localhost", socketPath: path, token }, files);
    expect(await remote.find("x")).toEqual(taskView());
  });

  it("goes with its coordinator", async () => {
    const path = join(tempDir(), "made/socket");
    const listener = await listen(COORDINATOR, { port: undefined, socketPath: path });
    await listener.close();
    expect(existsSync(path)).toBe(false);
  });

  it("of a coordinator that was killed is replaced", async () => {
    const path = join(tempDir(), "made/socket");
    mkdirSync(join(path, ".."), { mode: 0o700 });
    const program = `require("net").createServer().listen(${JSON.stringify(path)}, () => console.log("listening"))`;
    const dead = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void dead.kill("SIGKILL"));
    await once(dead.stdout, "data");
    await expect(listenAt(path)).rejects.toMatchObject({
      code: "REFUSED",
      message: expect.stringContaining("already"),
    });
    dead.kill("SIGKILL");
    await once(dead, "exit");
    expect(existsSync(path)).toBe(true);
    await listenAt(path);
  });

  it("of a living one is left alone", async () => {
    const path = join(tempDir(), "made/socket");
    const { token } = await listenAt(path);
    await expect(listenAt(path, 0)).rejects.toMatchObject({
      ...{
        code: "REFUSED",
        message: `somebody listens on ${path} already: stop that one first, or name another path with --socket-path`,
      },
    });
    expect(await ask(path, { authorization: `Bearer ${token}` })).toBe(200);
  });

  it("never takes the place of a file", async () => {
    const path = join(tempDir(), "socket");
    chmodSync(join(path, ".."), 0o700);
    writeFileSync(path, "theirs");
    await expect(listenAt(path)).rejects.toMatchObject({
      code: "REFUSED",
      message: expect.stringContaining("is no socket"),
    });
    expect(readFileSync(path, "utf8")).toBe("theirs");
  });

  it("is refused in a folder that others may use, and the port with it", async () => {
    const dir = tempDir();
    chmodSync(dir, 0o755);
    const port = await freePort();
    await expect(listenAt(join(dir, "socket"), port)).rejects.toMatchObject({
      ...{ code: "REFUSED", message: expect.stringMatching(/must be yours alone \(its mode is 755\): chmod 700 it/) },
    });
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow();
  });

  it("is refused where its path is longer than the system takes", async () => {
    const path = join(tempDir(), "n".repeat(120));
    await expect(listenAt(path)).rejects.toMatchObject({
      ...{ code: "REFUSED", message: expect.stringContaining("may have 107 bytes") },
    });
  });

  const isRoot = process.getuid?.() === 0;
  // Only root can give a folder away.
  it.each(
    [
      { name: "belongs to another user", spoil: (dir: string) => chownSync(dir, 65_534, 65_534), when: isRoot },
      { name: "anybody may write to", spoil: (dir: string) => chmodSync(dir, 0o777), when: true },
      {
        name: "another group may write to",
        spoil: (dir: string) => {
          chownSync(dir, 0, 65_534);
          chmodSync(dir, 0o775);
        },
        when: isRoot,
      },
    ].filter(({ when }) => when),
  )("is not put below a folder that $name: they could put one of theirs there", async ({ spoil }) => {
    const shared = join(tempDir(), "shared");
    mkdirSync(shared);
    spoil(shared);
    await expect(listenAt(join(shared, "mine/deep/socket"))).rejects.toMatchObject({
      ...{ code: "REFUSED", message: expect.stringContaining(`${shared}, and with it the folder of the socket`) },
    });
    chownSync(shared, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
    chmodSync(shared, 0o1777); // As /tmp is: only who made a folder there may move it.
    await listenAt(join(shared, "mine/deep/socket"));
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
