/** A JSON object as it was read; nothing is known of its fields. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Returns the JSON objects among the lines of `text`, in order. Everything else (a torn last line, conflict markers, blank lines) is passed over. */
export function parseJsonLines(text: string): readonly JsonObject[] {
  const objects: JsonObject[] = [];
  for (const line of text.split("\n")) {
    const value = parseJsonLine(line);
    if (value !== undefined) objects.push(value);
  }
  return objects;
}

/** Returns the object on one line, or `undefined` when the line is something else. */
export function parseJsonLine(line: string): JsonObject | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined; // Not ours to repair: the line stays in the file, and what it should have said is appended again.
  }
}

/**
 * Returns `value` as JSON on one line with a fixed order of keys, so that the same fact is the same text in every clone:
 * first those of `leading`, then the others sorted. Inner objects lead with "kind". `undefined` fields are left out.
 */
export function formatJsonLine(value: JsonObject, leading: readonly string[]): string {
  const rest = Object.keys(value).filter((key) => !leading.includes(key));
  const fields = [...leading, ...rest.sort()]
    .filter((key) => Object.hasOwn(value, key) && value[key] !== undefined)
    .map((key) => `${JSON.stringify(key)}:${formatValue(value[key])}`);
  return `{${fields.join(",")}}`;
}

/** Returns `current` with `lines` at its end, each a line of its own; a torn last line is closed first and so stays apart. */
export function withLines(current: string, lines: readonly string[]): string {
  const start = current === "" || current.endsWith("\n") ? current : `${current}\n`;
  return `${start}${lines.join("\n")}\n`;
}

function formatValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => formatValue(item ?? null)).join(",")}]`;
  return isJsonObject(value) ? formatJsonLine(value, ["kind"]) : JSON.stringify(value);
}

/** Returns whether `value` is a JSON object, not an array and not null. */
function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
