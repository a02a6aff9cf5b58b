/** What events of items have in common, where a test does not care. */
export const AN_ITEM = { kind: "item", line: 1, firstLine: 1, durationMs: undefined } as const;
