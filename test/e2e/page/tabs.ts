import { once } from "node:events";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { busyScene } from "../../support/page-scenes.ts";
import type { Showing } from "./showing.ts";

/** A browser has six connections to a server: with a stream for each, the last of these would wait for ever. */
const TABS = 7;
const SOON = { timeout: 10_000 };

/** The page in more than one tab of a browser. */
export function tabs(showing: Showing): void {
  describe("in many tabs", () => {
    it("one listens for all, another when it goes, and one that is not seen asks for nothing", async () => {
      let streams = 0;
      const { page: first } = await showing(busyScene(), undefined, {
        async *follow(_, signal) {
          streams += 1;
          yield { seq: 1, texts: [] };
          await once(signal, "abort");
          streams -= 1;
        },
      });
      const others: Page[] = [];
      for (let opened = 1; opened < TABS; opened += 1) {
        const page = await first.context().newPage();
        page.setDefaultTimeout(10_000);
        await page.goto(first.url());
        await page.locator("#main li.task").first().waitFor();
        others.push(page);
      }
      for (const page of [first, ...others]) await page.getByText("live", { exact: true }).waitFor();
      expect(streams).toBe(1);
      await first.close();
      const [last, hidden] = [others.at(-1), others.at(-2)];
      const [asked, unseen] = [requestsOf(last), requestsOf(hidden)];
      await expect.poll(() => asked.length, SOON).toBeGreaterThan(0); // The next one has begun to listen, and all look.
      await expect.poll(() => streams, SOON).toBe(1);

      await hidden?.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })");
      await expect.poll(() => settled(unseen), SOON).toBe(true);
      const [before, seen] = [unseen.length, asked.length];
      const event = "{ event: { kind: 'inbox', broken: [], more: 0 } }";
      await others[0]?.evaluate(`new BroadcastChannel("codex-inbox-events").postMessage(${event})`);
      await expect.poll(() => asked.length, SOON).toBeGreaterThan(seen);
      expect(unseen.length).toBe(before);
      await hidden?.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))");
      await expect.poll(() => unseen.length, SOON).toBeGreaterThan(before);
    }, 30_000);
  });
}

/** The addresses that a page asks for from now on. */
function requestsOf(page: Page | undefined): readonly string[] {
  const asked: string[] = [];
  page?.on("request", (request) => asked.push(request.url()));
  return asked;
}

/** Whether nothing more was asked for than at the last look. */
function settled(asked: readonly string[]): boolean {
  const before = looks.get(asked);
  looks.set(asked, asked.length);
  return before === asked.length;
}
const looks = new WeakMap<readonly string[], number>();
