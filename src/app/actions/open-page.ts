import { spawn } from "node:child_process";
import { CoordinatorError } from "../../base/errors.ts";
import { statePaths } from "../../store/state-paths.ts";
import { addressOf, readServer } from "../queries/server-record.ts";

/** A link to the page, good for one sign-in within ten minutes, and whether a browser was started with it. */
export interface OpenedPage {
  readonly link: string;
  readonly isOpened: boolean;
}

/** What fails within this time has not opened a browser; some programs go on for as long as it is open. */
const STARTED_MS = 1_000;

/**
 * Asks the coordinator of the workspace whose state folder is `stateDir` for a link to its page, and starts a browser with it.
 *
 * @param start whether a browser shall be started
 * @throws CoordinatorError `REFUSED` where nobody serves, or without a port; `TRY_AGAIN`
 */
export async function openPage(stateDir: string, start: boolean, environment: NodeJS.ProcessEnv): Promise<OpenedPage> {
  const record = readServer(statePaths(stateDir).server);
  const address = addressOf(record);
  if (address === undefined || record?.url === null) {
    const without = record === undefined ? "nobody serves this workspace" : "the coordinator listens on no port";
    throw new CoordinatorError("REFUSED", `${without}; codex-inbox serve serves it, with the page`);
  }
  const { askForLink } = await import("../queries/coordinator-client.ts");
  const link = await askForLink(address);
  return { link, isOpened: start && (await startBrowser(link, environment)) };
}

async function startBrowser(link: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const { DISPLAY, WAYLAND_DISPLAY, PATH } = environment;
  const isMac = process.platform === "darwin";
  const isWindows = process.platform === "win32";
  // Without a screen, xdg-open would take the terminal for a browser of text.
  if (!isMac && !isWindows && DISPLAY === undefined && WAYLAND_DISPLAY === undefined) return false;
  const [program, args] = isMac
    ? ["open", [link]]
    : isWindows
      ? ["cmd", ["/c", "start", "", link]]
      : ["xdg-open", [link]];
  const child = spawn(program, args, { env: { ...environment, PATH }, detached: true, stdio: "ignore" });
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), STARTED_MS);
    const end = (isOpened: boolean): void => {
      clearTimeout(timer);
      resolve(isOpened);
    };
    child.once("error", () => end(false));
    child.once("exit", (code) => end(code === 0));
    child.unref();
  });
}
