import { createServer, type Server, type ServerResponse } from "node:http";
import { expect, it } from "vitest";
import { onTestFinished } from "../../support/test-end.ts";
import { waitFor } from "../../support/wait-for.ts";
import { tempWorkspace } from "../../support/workspace.ts";

/** A server that asks for a password, or does not answer at all. */
async function oddServer(): Promise<{ readonly url: string; hang(): void; readonly asked: () => number }> {
  let isSilent = false;
  let asked = 0;
  const open: ServerResponse[] = [];
  const server: Server = createServer((_, response) => {
    asked += 1;
    if (isSilent) open.push(response);
    else response.writeHead(401, { "www-authenticate": 'Basic realm="tasks"' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const response of open) response.destroy();
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}/tasks.git`,
    hang() {
      isSilent = true;
    },
    asked: () => asked,
  };
}

it("a remote that asks for a password, and then does not answer, is told of once, and stops nothing", {
  timeout: 60_000,
}, async () => {
  const remote = await oddServer();
  const workspace = await tempWorkspace();
  workspace.repo.git("remote", "add", "origin", remote.url);
  workspace.commitSettings({ sync: { remote: "origin", intervalMs: 1_000 } });
  const serving = workspace.serve();
  await serving.url();
  const [told] = [await serving.saw("sync-waits")];
  expect(told.field("reason")).toMatch(/asks for a login that is not there; try "git fetch origin" once by hand/);
  workspace.drop("one.md", "one\n");
  await serving.saw("committed");
  remote.hang();
  const before = remote.asked();
  await waitFor(() => remote.asked() > before, { what: "a round that gets no answer" });
  workspace.drop("two.md", "two\n");
  await serving.saw("committed", 2);
  const { health } = JSON.parse((await workspace.command("status", "--json")).stdout);
  expect(health.sync).toMatchObject({
    ...{ remote: "origin", lastSync: null, running: true },
    problem: { reason: expect.stringContaining("asks for a login") },
  });
  expect(serving.lines("sync-waits")).toHaveLength(1);
  serving.signal("SIGTERM");
  expect((await serving.ended).signal).toBeNull();
  expect(workspace.results.tasks().map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
});
