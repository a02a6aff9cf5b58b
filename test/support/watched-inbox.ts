import { join } from "node:path";
import { createInboxWatch, type InboxWatchOptions } from "../../src/intake/inbox/watch/inbox-watch.ts";
import { tempDir } from "./temp-dir.ts";
import { onTestFinished } from "./test-end.ts";
import { waitFor } from "./wait-for.ts";

const NEVER_MS = 3_600_000;

/** Watches the inbox of a workspace, without the timer where nothing else is said, and counts. */
export function watchedInbox(options: Partial<InboxWatchOptions> = {}) {
  const dir = options.workspaceDir ?? tempDir();
  const inboxDir = join(dir, "inbox");
  const state = { hints: 0, notices: [] as string[] };
  const watch = createInboxWatch({
    workspaceDir: dir,
    rescanMs: NEVER_MS,
    onHint: () => {
      state.hints += 1;
    },
    onNotice: (message) => state.notices.push(message),
    ...options,
  });
  onTestFinished(() => watch.stop());
  return { dir, inboxDir, state, watch };
}

type Watched = ReturnType<typeof watchedInbox>;

/** Does `act` and waits for a hint after it, several times: a hint that was on its way already counts for one at most. */
export async function expectHints(one: Watched, act: (round: number) => void): Promise<void> {
  for (let round = 0; round < 4; round += 1) {
    const before = one.state.hints;
    act(round);
    await waitFor(() => one.state.hints > before, { what: `a hint in round ${round}` });
  }
}
