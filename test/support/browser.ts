import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import chromiumPackage from "@sparticuz/chromium";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { onTestFinished } from "./test-end.ts";

/** Those of the package switch the protections of the web off; without a user of its own, Chromium has no sandbox. */
const ARGUMENTS = [
  "--no-sandbox",
  "--no-zygote",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--hide-scrollbars",
  "--renderer-process-limit=1",
  "--in-process-gpu",
];

const USUAL: BrowserContextOptions = {
  viewport: { width: 1280, height: 800 },
  locale: "en-GB",
  reducedMotion: "reduce",
};

const MODULES = join(import.meta.dirname, "../../node_modules");

/** Starts the Chromium that the package brings. @throws Error where none can be started: then the page is not tested */
export async function startBrowser(): Promise<Browser> {
  const executablePath = await unpacked();
  const own = mkdtempSync(join(tmpdir(), "codex-browser-"));
  const env = { ...process.env, TMPDIR: own }; // It leaves files there.
  const browser = await chromium.launch({
    executablePath,
    args: ARGUMENTS,
    env,
    chromiumSandbox: false,
    timeout: 30_000,
  });
  browser.once("disconnected", () => rmSync(own, { recursive: true, force: true, maxRetries: 5 }));
  return browser;
}

/** Returns the path of the program, which lies below node_modules (200 MB) for all later tests, and goes with that. */
async function unpacked(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(MODULES, "@sparticuz/chromium/package.json"), "utf8"));
  const dir = join(MODULES, `.cache/chromium-${version}`);
  if (existsSync(dir)) return join(dir, "chromium");
  mkdirSync(dirname(dir), { recursive: true });
  const draft = mkdtempSync(`${dir}-`);
  const { TMPDIR } = process.env;
  try {
    process.env.TMPDIR = draft; // The package knows no other place.
    await chromiumPackage.executablePath();
    if (!existsSync(dir)) renameSync(draft, dir);
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    rmSync(draft, { recursive: true, force: true });
  }
  return join(dir, "chromium");
}

/** What a page has tried that it must not. */
export interface Watched {
  readonly page: Page;
  /** Requests to anything but `origin`. */
  readonly foreign: readonly string[];
  /** Errors, dialogs, and what the content policy has refused. */
  readonly complaints: readonly string[];
}

/** What all pages share that ask for nothing else: with a context of its own, each would start a process of its own. */
const shared = new WeakMap<Browser, Promise<BrowserContext>>();

async function sharedContext(browser: Browser): Promise<BrowserContext> {
  const opening = shared.get(browser) ?? openShared(browser);
  shared.set(browser, opening);
  const context = await opening;
  onTestFinished(async () => {
    const [, ...pages] = context.pages();
    for (const page of pages) await page.close();
    await context.clearCookies();
  });
  return context;
}

/** Its first page stays: the process would go with the last one. */
async function openShared(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext(USUAL);
  await context.newPage();
  return context;
}

async function ownContext(browser: Browser, options: BrowserContextOptions): Promise<BrowserContext> {
  const context = await browser.newContext({ ...USUAL, ...options });
  onTestFinished(() => context.close());
  return context;
}

/**
 * Opens a page, and notes what it does. It goes when the test is finished: left open, it asks on and on for a server that is gone.
 *
 * @param options with any, its cookies, clock and scripts are its own
 */
export async function openWatched(browser: Browser, origin: string, options?: BrowserContextOptions): Promise<Watched> {
  const context = await (options === undefined ? sharedContext(browser) : ownContext(browser, options));
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const foreign: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(`${origin}/`)) foreign.push(request.url());
  });
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("dialog", async (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("console", (message) => {
    if (/Content Security Policy|Trusted/i.test(message.text())) complaints.push(message.text());
  });
  return { page, foreign, complaints };
}
