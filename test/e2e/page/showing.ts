import type { Locator, Page } from "playwright-core";
import type { Coordinator } from "../../../src/app/coordinator.ts";
import type { openWatched, Watched } from "../../support/browser.ts";
import type { Scene } from "../../support/page-scenes.ts";

/** Opens the page of a workspace that is made up, in the one browser of these tests. */
export type Showing = (
  scene: Scene,
  options?: Parameters<typeof openWatched>[2],
  change?: Partial<Coordinator>,
) => Promise<Watched>;

/** The one task that is open. */
export function detail(page: Page): Locator {
  return page.getByRole("region", { name: "Task", exact: true });
}
