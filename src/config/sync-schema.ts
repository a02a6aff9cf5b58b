import * as v from "valibot";

const DAY_MS = 86_400_000;

/** Settings of the sync with a remote. Which address a remote has stands in git's own configuration, where no push reaches. */
export const SYNC_SETTINGS = {
  remote: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, "expected the name of a git remote, such as origin"),
      v.check(
        (name) => !name.includes("..") && !name.endsWith(".lock") && !name.endsWith("."),
        "expected the name of a git remote",
      ),
      v.description("Name of the git remote that the branch is kept in step with. Without it there is no sync."),
    ),
  ),
  branch: v.optional(
    v.pipe(
      v.string(),
      v.regex(
        /^(?![-/.])(?!.*(?:\.\.|\/\/|\/\.|@\{|\.lock(?:\/|$)))[A-Za-z0-9._/-]{1,200}(?<![/.])$/,
        "expected the name of a branch",
      ),
      v.description("Its branch there; the same name as here without it."),
    ),
  ),
  intervalMs: v.optional(
    v.pipe(
      v.number(),
      v.integer("expected a whole number"),
      v.check((value) => value === 0 || value >= 1_000, "expected 0, or 1000 or more"),
      v.maxValue(DAY_MS, `expected ${DAY_MS} or less`),
      v.description(
        "How often the remote is asked; 0: only when somebody says so (codex-inbox sync, POST /sync). What is committed here is sent half a second later in any case.",
      ),
    ),
    30_000,
  ),
  sessions: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        "Also pushes the branches of sessions, and the recorded changes of runs (refs/codex-inbox/turns/).",
      ),
    ),
    false,
  ),
} as const;
