import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { brokenScene, busyScene, EMPTY_SCENE } from "../../support/page-scenes.ts";
import { detail, type Showing } from "./showing.ts";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** What axe says of what passes is not asked for: it finds a selector for each of those elements too. */
const AXE_RUNS = {
  light: 'axe.run({ resultTypes: ["violations"] })',
  dark: 'axe.run({ resultTypes: ["violations"], runOnly: ["color-contrast"] })', // All else is the same there.
} as const;

/** What axe, which knows the rules of accessibility, finds wrong with the page. */
export function accessible(showing: Showing): void {
  describe("axe finds nothing", () => {
    it.each([
      [1440, busyScene],
      [900, brokenScene],
      [390, () => EMPTY_SCENE],
    ] as const)("on a page %i wide, in both themes", async (width, sceneOf) => {
      const scene = sceneOf();
      const { page } = await showing(scene, { viewport: { width, height: 900 }, bypassCSP: true });
      await page.addScriptTag({ path: AXE });
      const look = async (where: string): Promise<void> => {
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          const { violations } = (await page.evaluate(AXE_RUNS[colorScheme])) as {
            violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
          };
          expect({
            ...{ where, colorScheme },
            found: violations.map(({ id, nodes }) => [id, nodes[0]?.html, nodes[0]?.failureSummary]),
          }).toEqual({ where, colorScheme, found: [] });
        }
      };
      await look("list");
      if (scene !== EMPTY_SCENE) {
        await page.locator("#main li.failed a").first().click();
        await detail(page).getByRole("heading", { level: 2 }).waitFor();
        await look("task");
      }
      await page.keyboard.press("n");
      await page.getByText("More", { exact: true }).click();
      await look("form");
    });
  });
}
