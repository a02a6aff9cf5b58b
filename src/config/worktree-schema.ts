import * as v from "valibot";
import { whole } from "./setting-values.ts";

const DAY_MS = 86_400_000;
const GIGABYTE = 1024 ** 3;
const BYTES_MAX = Number.MAX_SAFE_INTEGER;

function paths(about: string) {
  const path = v.pipe(
    v.string(),
    v.regex(/^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$)).{1,400}$/, "expected a path below the top of the checkout"),
  );
  return v.pipe(v.array(path), v.maxLength(100, "expected at most 100 paths"), v.description(about));
}

/** Settings of the worktrees that sessions work in. */
export const WORKTREE_SETTINGS = {
  setup: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(10_000, "expected at most 10000 characters"),
      v.description("Command that makes a new worktree ready (npm ci). It runs in codex's sandbox, as agents do."),
    ),
  ),
  copy: v.optional(paths("Files and folders of the checkout that a new worktree gets a copy of, such as .env."), []),
  setupTimeoutMs: v.optional(whole(1_000, DAY_MS, "Wall-clock limit of the setup."), 600_000),
  maxCount: v.optional(whole(1, 500, "Worktrees that may be there at once; those that are not in use make room."), 20),
  maxBytes: v.optional(whole(1, BYTES_MAX, "Bytes that they may take in all."), 20 * GIGABYTE),
  freeBytes: v.optional(whole(0, BYTES_MAX, "Bytes that have to stay free on their disk."), 5 * GIGABYTE),
  parkAfterMs: v.optional(
    whole(
      0,
      365 * DAY_MS,
      "A worktree that was not used for so long is removed, once all of it is in commits; its branch stays.",
    ),
    DAY_MS,
  ),
  sparse: v.optional(paths("Folders that alone are checked out (git sparse-checkout, in cones)."), []),
} as const;
