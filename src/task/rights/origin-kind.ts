/** The ways in which a task can come: who asks. What cannot be proven to be more counts as less. */
export const ORIGIN_KINDS = ["commit", "file", "cli", "http", "agent"] as const;

export type OriginKind = (typeof ORIGIN_KINDS)[number];
