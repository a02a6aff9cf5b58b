/**
 * Whether an answer has the shape that was asked for. Codex passes an output schema on and does not look at what comes back (0.169.0), so
 * a refusal in plain words, or an answer that was cut, would count as a success.
 *
 * Of a JSON Schema `type`, `enum`, `const`, `required`, `properties`, `items` and `additionalProperties: false` are checked: each part of
 * the answer is looked at once, also for a hostile schema. Patterns, references and combinations could keep us busy without end; the model's
 * server enforces them, and nothing is said about them here.
 */

/** Deeper than any answer; what lies below is not looked at. */
const DEPTH_MAX = 64;

/** Returns what is wrong with `answer` as the end of a sentence, or `undefined`. A schema that is no JSON asks for nothing. */
export function answerProblem(answer: string, schemaText: string): string | undefined {
  let schema: unknown;
  try {
    schema = JSON.parse(schemaText);
  } catch {
    return undefined; // Codex has refused it before anything ran.
  }
  let value: unknown;
  try {
    value = JSON.parse(answer);
  } catch {
    return answer.trim() === "" ? "there is no answer" : "the answer is no JSON";
  }
  return problemAt("the answer", value, schema, 0);
}

type Schema = Readonly<Record<string, unknown>>;

function problemAt(where: string, value: unknown, schema: unknown, depth: number): string | undefined {
  if (!isObject(schema) || depth > DEPTH_MAX) return undefined;
  const types = [schema.type].flat().filter((type) => typeof type === "string");
  if (types.length > 0 && !types.some((type) => hasType(value, type))) return `${where} is no ${types.join(" or ")}`;
  if (isListed(schema.enum, value) === false || isListed(listOf(schema, "const"), value) === false)
    return `${where} is none of the values that were asked for`;
  if (Array.isArray(value))
    return firstOf(value.entries(), where, (item) => problemAt(item.where, item.value, schema.items, depth + 1));
  return isObject(value) ? problemOfFields(where, value, schema, depth) : undefined;
}

function problemOfFields(where: string, value: Schema, schema: Schema, depth: number): string | undefined {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required: readonly unknown[] = Array.isArray(schema.required) ? schema.required : [];
  const missing = required.find((key) => typeof key === "string" && !Object.hasOwn(value, key));
  if (missing !== undefined) return `${where} has no ${JSON.stringify(missing)}`;
  const foreign = Object.keys(value).find((key) => !Object.hasOwn(properties, key));
  if (foreign !== undefined && schema.additionalProperties === false)
    return `${where} has ${JSON.stringify(foreign)}, which was not asked for`;
  return firstOf(Object.entries(value), where, (item) => {
    const key = String(item.key);
    return Object.hasOwn(properties, key) ? problemAt(item.where, item.value, properties[key], depth + 1) : undefined;
  });
}

interface Item {
  readonly key: string | number;
  readonly where: string;
  readonly value: unknown;
}

function firstOf(
  entries: Iterable<readonly [string | number, unknown]>,
  where: string,
  problemOf: (item: Item) => string | undefined,
): string | undefined {
  for (const [key, value] of entries) {
    const problem = problemOf({ key, value, where: `${where}[${JSON.stringify(key)}]` });
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    case "number":
    case "string":
    case "boolean":
      return typeof value === type;
    default:
      return true; // No type of JSON Schema's: the model's server has its own word on it.
  }
}

/** Whether a plain value is among `list`; `undefined` where that says nothing. */
function isListed(list: unknown, value: unknown): boolean | undefined {
  if (!Array.isArray(list) || list.some((entry) => typeof entry === "object" && entry !== null)) return undefined;
  return list.includes(value);
}

function listOf(schema: Schema, key: string): readonly unknown[] | undefined {
  return Object.hasOwn(schema, key) ? [schema[key]] : undefined;
}

function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
