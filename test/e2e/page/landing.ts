import { describe, expect, it } from "vitest";
import type { Coordinator } from "../../../src/app/coordinator.ts";
import type { SessionView } from "../../../src/app/views/session-list.ts";
import { brokenScene, busyScene, type Scene } from "../../support/page-scenes.ts";
import { detail, type Showing } from "./showing.ts";

/** What the page shows of the work of sessions, and of the remote, and what it asks for. */
export function landing(showing: Showing): void {
  describe("the work of a session", () => {
    it("is landed, settled by the session where it does not merge, and taken back from who holds it", async () => {
      const scene = busyScene();
      const asked: unknown[] = [];
      const sessions = scene.sessions.map((session) => ({ ...session }));
      const change = (key: string, to: Partial<SessionView>): void => {
        Object.assign(sessions.find((session) => session.key === key) ?? {}, to);
      };
      const at = { branch: "codex-inbox/x", target: "main", head: "a".repeat(40), edited: null, left: null };
      const { page, complaints } = await showing({ ...scene, sessions }, undefined, {
        async land(session, repair) {
          asked.push(["land", session, repair]);
          if (session === "docs") {
            const conflict = { state: "conflict", onto: at.head, tree: at.head, conflicts: ["CHANGELOG.md"], atMs: 0 };
            return { session, ...at, ...conflict, repairTask: repair ? scene.tasks[0]?.id : null };
          }
          if (session === "media")
            return {
              session,
              ...at,
              state: "ready",
              commit: "c",
              why: "a.c differs",
              command: "git merge --ff-only c",
            };
          change(session, { unlanded: null });
          return { session, ...at, state: "landed", commit: "1234567890abcdef" };
        },
        async release(session) {
          asked.push(["release", session]);
          change(session, { takenBy: null, paused: false });
          return { session, released: true, edited: null, left: null };
        },
      } as Partial<Coordinator>);
      const choose = async (session: string): Promise<void> => {
        await page.getByRole("link", { name: session }).first().click();
        await page.getByRole("heading", { name: session, level: 2 }).waitFor();
      };
      const board = page.getByRole("main");
      await choose("shop");
      await board.getByText("Not landed: 3 commits on codex-inbox/shop-1a2b3c, 1 behind").waitFor();
      await board.getByRole("button", { name: "Land" }).click();
      await board.getByText("Landed on main (commit 1234567890).").waitFor();
      expect(await board.getByRole("button", { name: "Land" }).count()).toBe(0);

      await choose("docs");
      await board.getByText("Does not merge with what is checked out: docs/release.md, CHANGELOG.md").waitFor();
      await board.getByText("Does not merge with the work of shop: docs/cart.md").waitFor();
      await board.getByRole("textbox", { name: "Words for the session" }).fill("keep both");
      await board.getByRole("button", { name: "Have the session settle it" }).click();
      await board.getByText("The session settles it in").waitFor();
      await board.getByRole("link", { name: scene.tasks[0]?.id ?? "", exact: true }).click();
      await detail(page)
        .getByRole("heading", { name: scene.tasks[0]?.title ?? "" })
        .waitFor();

      await choose("media");
      await board.getByText("Taken by ada, who works in its worktree").waitFor();
      expect(await board.getByRole("button", { name: /(Pause|Resume) session/ }).count()).toBe(0);
      await board.getByRole("button", { name: "Release" }).click();
      await board.getByRole("button", { name: "Pause session" }).waitFor();
      await board.locator("li.failed a").first().click();
      const work = detail(page).getByRole("region", { name: "Work of its session" });
      await work.getByRole("button", { name: "Land" }).click();
      await work.getByText("The merge into main is made, but the checkout stays: a.c differs.").waitFor();
      await work.getByText("git merge --ff-only c").waitFor();
      expect(asked).toEqual([
        ["land", "shop", undefined],
        ["land", "docs", { words: "keep both" }],
        ["release", "media"],
        ["land", "media", undefined],
      ]);
      expect(complaints).toEqual([]);
    });
  });

  describe("the remote", () => {
    it("is shown with how far both are apart, synced on request, and with what is wrong between them", async () => {
      let syncs = 0;
      const sync = async (): Promise<null> => {
        syncs += 1;
        return null;
      };
      const { page } = await showing(busyScene(), undefined, { sync });
      const remote = page.getByRole("region", { name: "Remote" });
      await remote.getByText("origin/main").waitFor();
      for (const words of [/^synced 1 min ago$/, "3 ahead", "1 behind", "2 claimed here", "1 for other clones"])
        await remote.getByText(words).waitFor();
      await remote.getByRole("button", { name: "Sync now" }).click();
      await expect.poll(() => syncs).toBe(1);

      const { page: broken } = await showing(brokenScene(), undefined, { sync });
      const notices = broken.getByRole("region", { name: "What stands in the way" });
      await notices.getByText("The branch is not in step with origin: the remote origin cannot be reached").waitFor();
      await notices.getByText("The branch cannot follow origin: files differ from the branch").waitFor();
      await notices
        .getByText("In the way: src/login.ts. This brings both together: git -C /home/ada/shop pull")
        .waitFor();
      const notice = notices.locator("p", { hasText: "not in step" });
      await notice.getByRole("button", { name: "Try now" }).click();
      await expect.poll(() => syncs).toBe(2);

      const { page: alone } = await showing({ ...busyScene(), health: {} } satisfies Scene);
      expect(await alone.getByRole("region", { name: "Remote" }).textContent()).toBe("");
    });
  });
}
