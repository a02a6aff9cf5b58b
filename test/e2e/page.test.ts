import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Coordinator } from "../../src/app/coordinator.ts";
import { openWatched, startBrowser, type Watched } from "../support/browser.ts";
import type { CoordinatorProcess } from "../support/coordinator-process.ts";
import { heldTask } from "../support/held-task.ts";
import { listenHere } from "../support/listening.ts";
import { busyScene, EMPTY_SCENE, type Scene, sceneCoordinator, sceneTask } from "../support/page-scenes.ts";
import { realCodex } from "../support/real-codex.ts";
import { tempDir } from "../support/temp-dir.ts";
import { tempWorkspace } from "../support/workspace.ts";
import { accessible } from "./page/accessible.ts";
import { asking } from "./page/asking.ts";
import { hostileText } from "./page/hostile-text.ts";
import { landing } from "./page/landing.ts";
import { detail } from "./page/showing.ts";
import { tabs } from "./page/tabs.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

/** Opens the page of a coordinator at work, by the link that it has printed. */
async function signedIn(serving: CoordinatorProcess): Promise<Watched> {
  const link = (await serving.saw("page")).field("url") ?? "";
  const watched = await openWatched(browser, await serving.url());
  await watched.page.goto(link);
  await watched.page.locator("#main section").first().waitFor();
  return watched;
}

/** Opens the page of a workspace that is made up; `change` says what its coordinator does otherwise. */
async function showing(
  scene: Scene,
  options?: Parameters<typeof openWatched>[2],
  change: Partial<Coordinator> = {},
): Promise<Watched> {
  const { url, ask } = await listenHere({ ...sceneCoordinator(scene), ...change });
  const { url: link } = (await (await ask("/sign-in/code", { method: "POST" })).json()) as { url: string };
  const watched = await openWatched(browser, url, options);
  await watched.page.goto(link);
  await watched.page.locator("#main section").first().waitFor();
  return watched;
}

async function handIn(page: Page, fields: Readonly<Record<string, string>>): Promise<void> {
  await page.getByRole("button", { name: "New task" }).click();
  const form = page.getByRole("dialog", { name: "New task" });
  for (const [label, value] of Object.entries(fields)) await form.getByLabel(label, { exact: true }).fill(value);
  await page.getByRole("button", { name: "Hand in" }).click();
}

describe("the page", () => {
  it("signs in by the printed link, takes a task, shows it run and its answer, and goes on in its session", async () => {
    const workspace = await tempWorkspace();
    const held = heldTask(workspace);
    const serving = workspace.serve();
    const { page, foreign, complaints } = await signedIn(serving);
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe("/");
    await handIn(page, {
      Prompt: `# Say hello\n\nPlease. ${held.prompt}`,
      Session: "greetings",
      "Verify command": "true",
    });
    const task = detail(page);
    await task.getByText("running", { exact: true }).waitFor();
    await page.getByRole("region", { name: "Running" }).getByText("Say hello").waitFor();
    expect(await task.getByRole("link", { name: "greetings" }).count()).toBe(1);
    await task
      .getByRole("region", { name: "Live log" })
      .getByText(/^\$ until test -e/)
      .waitFor();
    await page.getByRole("region", { name: "Running" }).locator("code", { hasText: "until test -e" }).waitFor();
    held.release();
    await task.getByText("succeeded", { exact: true }).waitFor();
    await task.getByRole("region", { name: "Answer" }).getByText("hello").waitFor();
    await page.getByRole("region", { name: "Done" }).getByText("Say hello").waitFor();
    expect(await page.locator("#said").textContent()).toBeTruthy();
    await task
      .getByRole("textbox", { name: "Follow-up" })
      .fill("Once more. [[command: echo '<b>hello</b>' > greeting.txt]] [[final: hello again]]");
    await task.getByRole("button", { name: "Send" }).click();
    await task.getByRole("region", { name: "Answer" }).getByText("hello again").waitFor();
    expect(workspace.stubRuns().map(({ resume }) => resume !== null)).toEqual([false, true]);
    await task.getByRole("button", { name: "Show the diff" }).click();
    await task.getByText("+<b>hello</b>").waitFor();
    expect([foreign, complaints]).toEqual([[], []]);
    const cookies = await page.context().cookies();
    expect(cookies).toMatchObject([{ httpOnly: true, sameSite: "Strict", path: "/" }]);
    expect(JSON.stringify(cookies)).not.toContain(serving.token());
  });

  it("stops one that runs, retries and edits one that failed, pauses and resumes, archives, over a restart of the coordinator", async () => {
    const workspace = await tempWorkspace();
    const first = workspace.serve();
    const { page } = await signedIn(first);
    const { port } = new URL(await first.url());
    await handIn(page, { Prompt: "Hang. [[hang]]", Session: "a" });
    const task = detail(page);
    await task.getByText("running", { exact: true }).waitFor();
    await task.getByRole("button", { name: "Stop" }).click();
    await task.getByText("cancelled", { exact: true }).waitFor();

    await handIn(page, { Prompt: "Break. [[fail: it broke]]", Session: "b" });
    await task.getByText("failed", { exact: true }).waitFor({ timeout: 20_000 });
    await task.getByText("it broke").first().waitFor();
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByText("The queue is paused").waitFor();
    await first.kill();
    await page.getByText("no connection").waitFor();
    const second = workspace.serve({ args: ["--port", port] });
    await second.url();
    await page.getByText(/^(live|every 2 s)$/).waitFor({ timeout: 20_000 });
    await task.getByText("Details").click();
    const failedId = await task.locator(".more-facts code").first().textContent();
    await task.getByRole("button", { name: "Retry" }).click();
    await task.getByText("waiting", { exact: true }).waitFor();
    await task.getByText(/Waits: .*paused/).waitFor();
    expect(await task.getByRole("link", { name: failedId ?? "" }).count()).toBe(1);
    await task.getByRole("button", { name: "Edit" }).click();
    await task.getByRole("textbox", { name: "Prompt" }).fill("Mend. [[final: mended]]");
    await task.getByRole("button", { name: "Save" }).click();
    await task.getByRole("region", { name: "Prompt" }).getByText("Mend.").waitFor();
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    await task.getByRole("region", { name: "Answer" }).getByText("mended").waitFor({ timeout: 20_000 });
    await task.getByText("In the branch").waitFor();
    await task.getByRole("link", { name: "b", exact: true }).click();
    await page.getByRole("button", { name: "Archive", exact: true }).click();
    await page.getByRole("button", { name: "Take out of the archive" }).waitFor({ timeout: 20_000 });
  }, 60_000);

  it("shows what the real codex has answered", async () => {
    const codex = await realCodex({ shellSnapshot: false });
    const workspace = await tempWorkspace({ codex });
    const { page, complaints } = await signedIn(workspace.serve());
    await handIn(page, { Prompt: "Write it. [[write greeting.txt: hello]] [[final: Wrote **it**.]]", Session: "real" });
    await detail(page).getByText("succeeded", { exact: true }).waitFor({ timeout: 20_000 });
    await detail(page).getByRole("region", { name: "Answer" }).locator("strong", { hasText: "it" }).waitFor();
    await detail(page)
      .getByRole("region", { name: /Changed files/ })
      .getByText("greeting.txt")
      .waitFor();
    expect(complaints).toEqual([]);
  });

  it("ends the sign-in from the page, and asks who is not signed in to sign in", async () => {
    const { page } = await showing(EMPTY_SCENE);
    await page.getByText("Nothing has been asked for yet").waitFor();
    expect(await page.getByRole("button", { name: "Sign out" }).isVisible()).toBe(true);
    await page.setViewportSize({ width: 390, height: 800 });
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("This browser is not signed in").waitFor();
    expect(await page.context().cookies()).toEqual([]);
  });
});

it("says what to do about a task that was not begun, until when all wait, and that a task is not there", async () => {
  const [now, since, until] = ["12:00", "11:30", "14:15"].map((time) => new Date(`2026-11-21T${time}:00`)) as [
    Date,
    Date,
    Date,
  ];
  const codex = { reason: "codex is not logged in", since: since.toISOString(), until: until.toISOString() };
  const task = sceneTask("Show the picture", {
    ...{ status: "failed", startedAt: null, durationMs: null, totalDurationMs: null, result: null },
    reason: "images: there is no file a.png in the working tree",
  });
  const { page } = await showing({ tasks: [task], sessions: [], health: { codex } }, {}); // The clock is set for all pages of a context.
  await page.clock.setFixedTime(now);
  await page.reload();
  await page.getByText("It was not begun: see to what is said here, then retry.").waitFor();
  const notice = page.getByRole("region", { name: "What stands in the way" });
  await notice.getByText(/: codex is not logged in · 30 min ago · until (?:2:15\sPM|14:15)$/).waitFor();
  await page.goto(new URL("/?task=zzzzzz", page.url()).href);
  await detail(page).getByRole("alert").getByText('there is no task "zzzzzz"').waitFor();
  await detail(page).getByRole("button", { name: "Close" }).click();
  await expect.poll(() => page.url()).not.toContain("task=");
});

describe("codex-inbox open", () => {
  it("prints a link that signs in, starts a browser with one where there is a screen, and says where nobody serves", async () => {
    const programs = tempDir();
    const opened = join(programs, "opened");
    writeFileSync(join(programs, "xdg-open"), `#!/bin/sh\necho "$1" > ${opened}\n`, { mode: 0o755 });
    const environment = { PATH: `${programs}:${dirname(process.execPath)}:${process.env.PATH}`, DISPLAY: ":9" };
    const workspace = await tempWorkspace({ environment });
    expect(await workspace.command("open")).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("nobody serves this workspace"),
    });
    const serving = workspace.serve();
    const url = await serving.url();
    const printed = await workspace.command("open", "--print");
    expect(printed).toMatchObject({ code: 0, stderr: "" });
    expect(await workspace.command("open")).toMatchObject({ code: 0, stdout: "The page is opened in your browser.\n" });
    for (const link of [printed.stdout.trim(), readFileSync(opened, "utf8").trim()]) {
      const { page } = await openWatched(browser, url);
      await page.goto(link);
      await page.getByText("Nothing has been asked for yet").waitFor();
      expect(link).not.toContain(serving.token());
    }
  });
});

describe("among 10,000 tasks", () => {
  it("filters and turns pages quickly, and the filters stand in the address", async () => {
    const tasks = Array.from({ length: 10_000 }, (_, index) =>
      sceneTask(`Task number ${index}`, {
        status: index % 100 === 7 ? "failed" : "queued",
        sessionKey: `s${index % 40}`,
        hold: "session is busy",
      }),
    );
    const sessions = Array.from({ length: 40 }, (_, index) => ({
      ...busyScene().sessions[0],
      key: `s${index}`,
    })) as Scene["sessions"];
    const { page } = await showing({ tasks, sessions });
    const rows = page.locator("#main li.task");
    await page.getByRole("link", { name: "Waiting" }).first().click();
    await expect.poll(() => rows.count()).toBe(100);
    const beganMs = performance.now();
    await page.getByRole("button", { name: "Show more" }).click();
    await expect.poll(() => rows.count()).toBe(200);
    await page.keyboard.press("/");
    await page.keyboard.type("number 77");
    await expect.poll(() => page.url()).toContain("q=number+77");
    await expect
      .poll(() => rows.allTextContents().then((texts) => texts.every((text) => text.includes("number 77"))))
      .toBe(true);
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    const address = page.url();
    await page.goto(`${address}&session=s17`);
    await expect.poll(() => rows.count()).toBe(3); // 77, 777, 7777 and their like: those of session 17.
    expect(await page.getByRole("searchbox").inputValue()).toBe("number 77");
    await page.getByRole("button", { name: "All sessions" }).click();
    await page.goBack();
    await expect.poll(() => page.url()).toContain("session=s17");
  });
});

describe("without a mouse", () => {
  it("everything can be reached and done", async () => {
    const { page } = await showing(busyScene());
    const focused = (): Promise<string> => page.evaluate("document.activeElement.textContent") as Promise<string>;
    await page.keyboard.press("j");
    expect(await focused()).toContain("Keep the cart");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    expect(await focused()).toContain("Write the release notes");
    await page.keyboard.press("Enter");
    await detail(page).getByRole("heading", { name: "Write the release notes" }).waitFor();
    expect(page.url()).toContain("task=");
    await page.keyboard.press("Escape");
    await expect.poll(() => page.url()).not.toContain("task=");
    expect(await focused()).toContain("Write the release notes");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("n");
    await page.getByRole("dialog", { name: "New task" }).waitFor();
    await page.keyboard.type("j is a letter here");
    expect(await page.getByLabel("Prompt").inputValue()).toBe("j is a letter here");
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.type("redirect");
    await expect.poll(() => page.locator("#main li.task").count()).toBe(1);
    await page.keyboard.press("Escape");
    await expect.poll(() => page.url()).not.toContain("q=");
  });
});

accessible(showing);
hostileText(showing);
asking(showing);
landing(showing);
tabs(showing);
