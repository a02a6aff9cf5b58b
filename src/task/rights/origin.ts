/** Where a task can come from: who asks. What cannot be proven to be more counts as less. */
export const ORIGIN_KINDS = ["commit", "file", "cli", "http", "agent"] as const;

export type OriginKind = (typeof ORIGIN_KINDS)[number];

/** Who asked for a task, as it was found when the task was accepted. */
export type Origin =
  /** The branch has the file as it was taken. `null`: git cannot tell. */
  | {
      readonly kind: "commit";
      readonly commit: string | null;
      readonly author: string;
      readonly email: string;
      /** git's `%G?` (`G`: good, `N`: none, `B`: bad, …) and the name of the signer. */
      readonly signature: string | null;
      readonly signer: string | null;
    }
  /** A file in inbox/ of which nothing is known; a command of this machine's user; a request with the token of this coordinator. */
  | { readonly kind: "file" | "cli" | "http"; readonly user: string }
  /** A follow-up of a task, or a file that a run of it has left in inbox/. */
  | { readonly kind: "agent"; readonly task: string };

/** Of a task that was accepted before origins were noted. */
export const UNKNOWN_ORIGIN: Origin = Object.freeze({ kind: "file", user: "unknown" });

/** Returns who asked, for people. */
export function requestedBy(origin: Origin): string {
  if (origin.kind === "commit") return `${origin.author} <${origin.email}>`;
  return origin.kind === "agent" ? `task ${origin.task}` : origin.user;
}

/** Returns the way it came, for people: `commit 1a2b3c…, signed by Ada`. */
export function describeOrigin(origin: Origin): string {
  if (origin.kind !== "commit") return origin.kind;
  const { commit, signature, signer } = origin;
  // Only what git has found good: any other letter says that nothing is proven.
  const signed = signature === "G" ? `, signed by ${signer ?? "a known key"}` : "";
  return `commit${commit === null ? "" : ` ${commit}`}${signed}`;
}

/** Tells whether a value that was read from a file is an origin. */
export function isOrigin(value: unknown): value is Origin {
  if (typeof value !== "object" || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  const isText = (key: string): boolean => typeof fields.get(key) === "string";
  const isTextOrNull = (key: string): boolean => fields.get(key) === null || isText(key);
  switch (fields.get("kind")) {
    case "commit":
      return isText("author") && isText("email") && ["commit", "signature", "signer"].every(isTextOrNull);
    case "file":
    case "cli":
    case "http":
      return isText("user");
    case "agent":
      return isText("task");
    default:
      return false;
  }
}
