import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { createRollouts, readErrorInfo } from "../../../../src/run/codex/failure/rollout.ts";
import { tempDir } from "../../../support/temp-dir.ts";

/** Born on 20 November 2026. */
const THREAD = "01a1fa12-7ad3-73a3-8982-5b976e962472";
const DAY = "2026/11/20";
const NAME = `rollout-2026-11-20T17-47-57-${THREAD}.jsonl`;
const SINCE_MS = Date.UTC(2026, 10, 20, 17, 47);

function complete(info: unknown, time = "2026-11-20T17:47:57.758Z", lastMessage: string | null = null): string {
  const payload = {
    type: "task_complete",
    last_agent_message: lastMessage,
    error: { message: "no", codex_error_info: info },
  };
  return JSON.stringify({ timestamp: time, ordinal: 10, type: "event_msg", payload });
}

function limited(primary: object | null, secondary: object | null): string {
  return line({ type: "token_count", info: null, rate_limits: { limit_id: "codex", primary, secondary } });
}

function line(payload: object): string {
  return JSON.stringify({ timestamp: "2026-11-20T17:47:57.700Z", ordinal: 9, type: "event_msg", payload });
}

function homeWith(path: string, ...lines: readonly string[]): string {
  const home = tempDir();
  const file = join(home, "sessions", path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
  return home;
}

it.each<{ name: string; home: () => string; info: Awaited<ReturnType<typeof readErrorInfo>> }>([
  {
    name: "a class that is one word",
    home: () => homeWith(`${DAY}/${NAME}`, "{}", complete("usage_limit_exceeded")),
    info: { name: "usage_limit_exceeded", httpStatus: undefined, limits: [] },
  },
  {
    name: "a class with a status",
    home: () => homeWith(`${DAY}/${NAME}`, complete({ http_connection_failed: { http_status_code: 401 } })),
    info: { name: "http_connection_failed", httpStatus: 401, limits: [] },
  },
  {
    name: "a class with a status that is null",
    home: () => homeWith(`${DAY}/${NAME}`, complete({ http_connection_failed: { http_status_code: null } })),
    info: { name: "http_connection_failed", httpStatus: undefined, limits: [] },
  },
  {
    name: "the last turn's, behind a torn line",
    home: () => homeWith(`${DAY}/${NAME}`, complete("first"), complete("last"), '{"type":"event_msg","pay'),
    info: { name: "last", httpStatus: undefined, limits: [] },
  },
  {
    name: "behind a long last message",
    home: () => homeWith(`${DAY}/${NAME}`, complete("other", undefined, "x".repeat(300_000))),
    info: { name: "other", httpStatus: undefined, limits: [] },
  },
  {
    name: "in the folder of the day before, as another time zone has it",
    home: () => homeWith(`2026/11/19/${NAME}`, complete("other")),
    info: { name: "other", httpStatus: undefined, limits: [] },
  },
  {
    name: "in a folder it was copied to",
    home: () => homeWith(`from/elsewhere/${NAME}`, complete("other")),
    info: { name: "other", httpStatus: undefined, limits: [] },
  },
  {
    name: "not that of an earlier turn",
    home: () => homeWith(`${DAY}/${NAME}`, complete("other", "2026-11-20T17:00:00.000Z")),
    info: undefined,
  },
  {
    name: "not that of another thread",
    home: () => homeWith(`${DAY}/rollout-x.jsonl`, complete("other")),
    info: undefined,
  },
  {
    name: "the limits of the account, as they were told last in its turn",
    home: () =>
      homeWith(
        `${DAY}/${NAME}`,
        limited({ used_percent: 1, resets_at: 1 }, null),
        line({ type: "task_started" }),
        limited({ used_percent: 100.0, window_minutes: 300, resets_at: 1_795_202_700 }, { used_percent: 40 }),
        line({ type: "token_count", rate_limits: null }),
        complete("usage_limit_exceeded"),
      ),
    info: {
      ...{ name: "usage_limit_exceeded", httpStatus: undefined },
      limits: [{ usedPercent: 100, resetsAtMs: 1_795_202_700_000 }],
    },
  },
  {
    name: "not the limits of an earlier turn",
    home: () =>
      homeWith(
        `${DAY}/${NAME}`,
        limited({ used_percent: 100, resets_at: 1 }, null),
        line({ type: "task_started" }),
        complete("other"),
      ),
    info: { name: "other", httpStatus: undefined, limits: [] },
  },
  { name: "none where there are no threads", home: () => tempDir(), info: undefined },
  {
    name: "none in junk",
    home: () => homeWith(`${DAY}/${NAME}`, "task_complete", '"task_complete"', "\0"),
    info: undefined,
  },
])("the class of a thread's failure: $name", async ({ home, info }) => {
  expect(await readErrorInfo(createRollouts(home()), THREAD, SINCE_MS)).toEqual(info);
});
