import chromiumPackage from "@sparticuz/chromium";
import { type Browser, chromium, type Page } from "playwright-core";

/** Those of the package switch the protections of the web off; without a user of its own, Chromium has no sandbox. */
const ARGUMENTS = ["--no-sandbox", "--no-zygote", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"];

/** Starts the Chromium that the package brings. @throws Error where none can be started: then the page is not tested */
export async function startBrowser(): Promise<Browser> {
  const executablePath = await chromiumPackage.executablePath();
  return chromium.launch({ executablePath, args: ARGUMENTS, chromiumSandbox: false, timeout: 30_000 });
}

/** What a page has tried that it must not. */
export interface Watched {
  readonly page: Page;
  /** Requests to anything but `origin`. */
  readonly foreign: readonly string[];
  /** Errors, dialogs, and what the content policy has refused. */
  readonly complaints: readonly string[];
}

/** Opens a page, and notes what it does. It goes with its context when the browser is closed. */
export async function openWatched(
  browser: Browser,
  origin: string,
  options: Parameters<Browser["newContext"]>[0] = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const foreign: string[] = [];
  const complaints: string[] = [];
  context.on("request", (request) => {
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
