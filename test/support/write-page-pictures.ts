/**
 * Takes the pictures of the page that the README shows, in the real browser: `npm run pictures`. With a folder it takes all of them, to
 * be looked at: `npm run pictures -- <folder>`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listen } from "../../src/server/listen.ts";
import { startBrowser } from "./browser.ts";
import { brokenScene, busyScene, EMPTY_SCENE, type Scene, sceneCoordinator } from "./page-scenes.ts";
import { smallPng } from "./small-png.ts";

interface Picture {
  readonly name: string;
  /** Made when the picture is taken: its times count from then. */
  readonly scene: () => Scene;
  readonly width: number;
  readonly theme: "light" | "dark";
  /** Title of the task that is open. */
  readonly open?: string;
  /** The session that is chosen. */
  readonly session?: string;
  /** The form is open. */
  readonly form?: boolean;
  readonly height?: number;
}

const TASK = "Fix the login redirect";
const FAILED = "Move the image pipeline to sharp 1.0";

function allPictures(): readonly Picture[] {
  const scenes = { empty: () => EMPTY_SCENE, busy: busyScene, broken: brokenScene };
  return [390, 900, 1440].flatMap((width) =>
    (["light", "dark"] as const).flatMap((theme) => [
      ...Object.entries(scenes).map(([kind, scene]) => ({ name: `${kind}-${width}-${theme}`, scene, width, theme })),
      { name: `task-${width}-${theme}`, scene: scenes.busy, width, theme, open: TASK },
      { name: `failed-${width}-${theme}`, scene: scenes.busy, width, theme, open: FAILED },
      ...["docs", "media"].map((session) => ({
        ...{ name: `session-${session}-${width}-${theme}`, scene: scenes.busy, width, theme, session },
      })),
      { name: `form-${width}-${theme}`, scene: scenes.busy, width, theme, form: true },
    ]),
  );
}

const README_PICTURES: readonly Picture[] = [
  { name: "board", scene: busyScene, width: 1280, theme: "light", height: 640 },
  { name: "task", scene: busyScene, width: 1280, theme: "dark", open: TASK, height: 760 },
];

async function take(
  { name, scene, width, theme, open, session, form, height }: Picture,
  folder: string,
): Promise<void> {
  const made = scene();
  const madeAt = Date.now(); // No earlier: what was 40 s ago is shown as 40 s, and a picture that is taken again is the same.
  const listener = await listen(sceneCoordinator(made), { port: 0 });
  const context = await browser.newContext({
    ...{ viewport: { width, height: height ?? (width < 500 ? 844 : 860) }, colorScheme: theme, locale: "en-GB" },
  });
  try {
    const page = await context.newPage();
    await page.clock.setFixedTime(madeAt); // However long it takes to show it, "just now" is just now.
    await page.goto(listener.pageLink() ?? "");
    await page.locator("#main section").first().waitFor();
    if (session !== undefined) {
      await page.goto(new URL(`/?session=${session}`, page.url()).href);
      await page.getByRole("heading", { name: session, level: 2 }).waitFor();
    }
    if (open !== undefined) {
      await page.getByRole("link", { name: open }).click();
      await page.getByRole("heading", { name: open, level: 2 }).waitFor();
    }
    if (form === true) await page.getByRole("button", { name: "New task" }).click();
    await page.waitForTimeout(300); // Fonts and the first ticks.
    writeFileSync(join(folder, `${name}.png`), smallPng(await page.screenshot({ animations: "disabled" })));
  } finally {
    await context.close();
    await listener.close();
  }
}

const [given] = process.argv.slice(2);
const folder = given ?? join(import.meta.dirname, "../../docs/pictures");
mkdirSync(folder, { recursive: true });
const browser = await startBrowser();
try {
  for (const picture of given === undefined ? README_PICTURES : allPictures()) await take(picture, folder);
} finally {
  await browser.close();
}
