import { ORIGIN_KINDS, type OriginKind } from "./origin-kind.ts";
import { type Rights, SANDBOX_LEVELS } from "./rights.ts";

/** Who asked for a task, as it was found when the task was accepted. */
export type Origin = Asker & {
  /** What its rights are bounded by, besides what the policy says of its kind. */
  readonly bounds?: Bounds;
};

/** What a task may have no more than. */
export interface Bounds {
  /** Its rights are no higher than those of tasks that come these ways: the ways of the tasks that it goes back to. */
  readonly kinds: readonly OriginKind[];
  /** What the task that asked for it has; absent where it goes back to that one without having been asked for by its agent. */
  readonly given?: Given;
}

/** What a run of a task has, of all that its rights would let it ask for. */
export type Given = Pick<
  Rights,
  "sandbox" | "verifyCommands" | "workdirs" | "codexConfig" | "environment" | "network" | "mcp" | "readable"
>;

type Asker =
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

/**
 * Returns the origin of a retry whose first try only a committed file tells of: that may have been written by anybody who can push, so
 * that it may ask for no more than a commit.
 */
export function asksAgain(asker: Origin): Origin {
  return { ...asker, bounds: { kinds: ["commit"] } };
}

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

/** Returns who edited a task and by which interface, for people: `ada (http)`. */
export function editedBy(editor: Origin): string {
  return `${requestedBy(editor)} (${editor.kind})`;
}

/** Tells whether a value that was read from a file is an origin. */
export function isOrigin(value: unknown): value is Origin {
  const fields = fieldsOf(value);
  if (fields === undefined || !isBounds(fields.get("bounds"))) return false;
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

const GIVEN_LISTS = ["verifyCommands", "workdirs", "codexConfig", "environment", "readable"] as const;

function isBounds(value: unknown): boolean {
  if (value === undefined) return true;
  const fields = fieldsOf(value);
  const kinds = fields?.get("kinds");
  if (!Array.isArray(kinds) || !kinds.every((kind) => ORIGIN_KINDS.some((known) => known === kind))) return false;
  const given = fieldsOf(fields?.get("given"));
  if (given === undefined) return fields?.get("given") === undefined;
  const isList = (key: string): boolean => {
    const list = given.get(key);
    return Array.isArray(list) && list.every((entry) => typeof entry === "string");
  };
  const isLevel = SANDBOX_LEVELS.some((level) => level === given.get("sandbox"));
  return isLevel && GIVEN_LISTS.every(isList) && ["network", "mcp"].every((key) => typeof given.get(key) === "string");
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? new Map(Object.entries(value)) : undefined;
}
