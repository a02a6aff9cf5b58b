import { describe, expect, it } from "vitest";
import { CoordinatorError } from "../../../src/base/errors.ts";
import { busyScene, type Scene, sceneTask } from "../../support/page-scenes.ts";
import { detail, type Showing } from "./showing.ts";

const ID = /task=([\w-]+)/;

/** What the page asks the coordinator to do. */
export function asking(showing: Showing): void {
  describe("what the page asks for", () => {
    it("is asked for once, however often a button is pressed meanwhile, and said only when it was done", async () => {
      const scene = busyScene();
      const next = sceneTask("The next one", { status: "queued" });
      let retries = 0;
      let answer: () => void = () => undefined;
      const { page } = await showing({ ...scene, tasks: [...scene.tasks, next] }, undefined, {
        async retry() {
          retries += 1;
          await new Promise<void>((resolve) => {
            answer = resolve;
          });
          return { ...next, warnings: [] };
        },
        stop: async () => {
          throw new CoordinatorError("REFUSED", "not this one");
        },
      } as Parameters<Showing>[2]);
      await page.locator("#main li.failed a").first().click();
      const retry = detail(page).getByRole("button", { name: "Retry" });
      await retry.dblclick();
      await retry.press("Enter");
      await expect.poll(() => retries).toBe(1);
      answer();
      await detail(page).getByRole("heading", { name: "The next one" }).waitFor();
      expect(retries).toBe(1);
      await detail(page).getByRole("button", { name: "Stop" }).click();
      await page.getByRole("alert").getByText("not this one").waitFor();
      await page.route("**/stop", (route) => route.abort());
      await detail(page).getByRole("button", { name: "Stop" }).click();
      await page.getByRole("alert").getByText("the coordinator does not answer").waitFor();
      expect(await page.locator("#said").textContent()).not.toContain("Stop was asked for");
    });

    it("is the same follow-up when nothing was answered, and what was begun is there again", async () => {
      const keys: (string | undefined)[] = [];
      const { page } = await showing(busyScene());
      await page.route("**/tasks", (route) => {
        keys.push(route.request().headers()["idempotency-key"]);
        return route.abort();
      });
      await page.locator("#main li.failed a").first().click();
      const field = detail(page).getByRole("textbox", { name: "Follow-up" });
      await field.fill("Go on.");
      for (const tries of [1, 2]) {
        await detail(page).getByRole("button", { name: "Send" }).click();
        await expect.poll(() => keys.length).toBe(tries);
        await page.getByRole("alert").getByText("the coordinator does not answer").waitFor();
      }
      expect(keys[0]).toBeTruthy();
      expect(keys[1]).toBe(keys[0]);
      await page.locator("#main li.succeeded a").first().click();
      await expect.poll(() => field.inputValue()).toBe("");
      await page.goBack();
      await expect.poll(() => field.inputValue()).toBe("Go on.");
    });

    it("is a session's pause by name, whatever the whole queue does", async () => {
      const queue = { since: "2026-11-21T08:00:00.000Z", reason: null, takenBy: null };
      const scene = busyScene();
      const sessions = scene.sessions.map((session) => ({ ...session, paused: true }));
      const paused = { queue, sessions: [{ session: "docs", since: queue.since, reason: null, takenBy: null }] };
      const { page } = await showing({ ...scene, sessions, health: { paused }, status: { paused } });
      await page.getByRole("link", { name: "shop" }).first().click();
      await page.getByRole("button", { name: "Pause session" }).waitFor();
      await page.getByRole("link", { name: "docs" }).first().click();
      await page.getByRole("button", { name: "Resume session" }).waitFor();
    });
  });

  describe("what the page shows", () => {
    it("names what goes on from a task that failed, and offers no second retry", async () => {
      const lost = sceneTask("Lost", { status: "failed", reason: "timed out" });
      const { page } = await showing(sceneOf(lost, sceneTask("Found again", { status: "queued", parent: lost.id })));
      await page.getByText("Goes on in Found again (waiting).").waitFor();
      expect(await page.getByRole("button", { name: "Retry: Lost" }).count()).toBe(0);
    });

    it("follows the task that a part of an id names, knows no filter that there is not, and lists so many files", async () => {
      const changedFiles = Array.from({ length: 5_000 }, (_, at) => ({ path: `a${at}.ts`, change: "add", by: null }));
      const task = sceneTask("One of them", { status: "succeeded", changedFiles });
      const { page } = await showing(sceneOf(task));
      await page.goto(new URL(`/?status=bogus&task=${task.id.slice(-6)}`, page.url()).href);
      await detail(page).getByRole("heading", { name: "One of them" }).waitFor();
      await expect.poll(() => ID.exec(page.url())?.[1]).toBe(task.id);
      await page.getByRole("region", { name: "Done" }).getByText("One of them").waitFor();
      expect(await page.getByRole("alert").count()).toBe(0);
      const files = detail(page).getByRole("region", { name: "Changed files (5000)" });
      expect(await files.locator("li").count()).toBe(200);
      await files.getByText(`4800 more: codex-inbox show ${task.id}`).waitFor();
    });

    it("does not grow where two things have one name", async () => {
      const { page } = await showing(sceneOf());
      const shown = await page.evaluate(`import("/page/show/dom.js").then(({ h, reconcile }) => {
        const list = h("ul");
        const how = { key: (name) => name, make: (name) => h("li", {}, name) };
        for (let times = 0; times < 3; times += 1) reconcile(list, ["a", "a", "b"], how);
        return list.textContent;
      })`);
      expect(shown).toBe("aab");
    });
  });
}

function sceneOf(...tasks: Scene["tasks"]): Scene {
  return { tasks, sessions: [] };
}
