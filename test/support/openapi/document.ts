import { join } from "node:path";
import { parse } from "yaml";
import { TASK_FIELDS } from "../../../src/task/file/task-fields.ts";
import { SANDBOX_LEVELS } from "../../../src/task/rights/rights.ts";
import { API_VERSION, OPERATIONS, type Operation, TYPE_FILES } from "./operations.ts";
import { createTypeSchemas, type JsonSchema, type TypeSchemas } from "./type-schemas.ts";

export const OPENAPI_PATH = join(import.meta.dirname, "../../../docs/openapi.json");

/** Returns docs/openapi.json: what `OPERATIONS` say, with the types of the answers and the keys of a task file as the code has them. */
export function openApiText(): string {
  const schemas = createTypeSchemas(TYPE_FILES);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of OPERATIONS) {
    const { method, path } = operation;
    paths[path] = { ...paths[path], [method]: operationObject(operation, schemas) };
  }
  const document = {
    openapi: "3.1.0",
    info: {
      title: "codex-inbox",
      version: API_VERSION,
      description:
        "The queue of one workspace, as its coordinator answers for it. Every request needs the token of server.json, but the link that signs a browser in. See docs/spec.md.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "http://127.0.0.1:8787" }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: {
        ...Object.fromEntries([...schemas.all].sort(([a], [b]) => (a < b ? -1 : 1))),
        TaskList: {
          type: "object",
          properties: {
            tasks: { type: "array", items: schemas.of("TaskView") },
            nextCursor: { description: "where the next page begins", anyOf: [{ type: "string" }, { type: "null" }] },
          },
          required: ["tasks", "nextCursor"],
        },
        SignInLink: {
          type: "object",
          properties: { url: { type: "string" }, expiresAt: { type: "string", format: "date-time" } },
          required: ["url", "expiresAt"],
        },
        TaskKeys: taskKeys(),
        NewTask: allOf({ prompt: { type: "string", description: "Markdown, byte for byte" } }, ["prompt"]),
        TaskChange: allOf(
          { prompt: { type: "string", description: "instead of the one that is there" } },
          [],
          NULL_NOTE,
        ),
      },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

const NULL_NOTE = "a key with null is taken out of the front matter";

function allOf(properties: JsonSchema, required: readonly string[], description?: string): JsonSchema {
  const own = { type: "object", properties, ...(required.length > 0 && { required }) };
  return { ...(description !== undefined && { description }), allOf: [{ $ref: "#/components/schemas/TaskKeys" }, own] };
}

function operationObject({ summary, parameters = [], body, answers, errors }: Operation, schemas: TypeSchemas): object {
  const all = [
    ...Object.entries(answers),
    ...errors.map((status) => [status, "ErrorBody"] as const),
    ...(answers["401"] === undefined ? [["401", "ErrorBody"] as const] : []),
  ];
  return {
    summary,
    ...(parameters.length > 0 && {
      parameters: parameters.map(({ in: where = "query", name, description, type = "string" }) => ({
        ...{ name, in: where, description, ...(where === "path" && { required: true }), schema: { type } },
      })),
    }),
    ...(body !== undefined && { requestBody: { required: body.required ?? false, content: bodyContent(body.types) } }),
    responses: Object.fromEntries(
      all
        .sort(([a], [b]) => Number(a) - Number(b))
        .map(([status, answer]) => [
          status,
          { description: STATUS_WORDS[status ?? ""] ?? "", ...answerContent(answer ?? "", schemas) },
        ]),
    ),
  };
}

function bodyContent(types: Readonly<Record<string, JsonSchema>>): object {
  return Object.fromEntries(Object.entries(types).map(([type, schema]) => [type, { schema }]));
}

/** What no type of the code says. */
const MADE_HERE = ["TaskList", "SignInLink"];

/** @param answer the name of a type, one with [] behind it, or a type of content */
function answerContent(answer: string, schemas: TypeSchemas): object {
  if (answer === "nothing") return {};
  if (answer.includes("/")) return { content: { [answer]: { schema: { type: "string" } } } };
  const of = (name: string): JsonSchema => {
    if (name === "object") return { type: "object" };
    return MADE_HERE.includes(name) ? { $ref: `#/components/schemas/${name}` } : schemas.of(name);
  };
  const schema = answer.endsWith("[]") ? { type: "array", items: of(answer.slice(0, -2)) } : of(answer);
  return { content: { "application/json": { schema } } };
}

const STATUS_WORDS: Readonly<Record<string, string>> = {
  ...{
    "200": "Done, or as it is now",
    "201": "Made",
    "202": "Accepted; what was asked for comes later",
    "204": "Done",
    "303": "Signed in; `Location` is the page",
    "400": "The body is no JSON",
  },
  ...{
    "401": "The token is missing or wrong",
    "403": "It asks for more than the policy allows",
    "404": "It is not there",
  },
  ...{ "409": "Not in this state, or several are meant", "415": "The body is declared as something else than it is" },
  ...{
    "422": "Something is wrong with what was sent; `places` says what and where",
    "429": "The queue is full: see Retry-After",
  },
  "503": "Try again later: see Retry-After, if there is one",
};

function taskKeys(): JsonSchema {
  const properties = Object.values(TASK_FIELDS).map(({ key, expected, example }) => {
    const value: unknown = Object.values(parse(example) as object)[0];
    const schema = key === "sandbox" ? { type: "string", enum: SANDBOX_LEVELS } : typeOf(key, value);
    return [key, { description: expected, ...schema, examples: [value] }] as const;
  });
  return {
    type: "object",
    description:
      "The front matter of a task file; see docs/spec-task-file.md. Any other key is kept and reported as a warning.",
    properties: Object.fromEntries(properties),
  };
}

/** Several keys take more than their example shows. */
const MORE: Readonly<Record<string, readonly string[]>> = {
  ...{ resume: ["boolean", "string"], followUp: ["boolean", "string"], memory: ["boolean", "array"] },
  codexConfig: ["object", "array"],
};

function typeOf(key: string, value: unknown): JsonSchema {
  const more = MORE[key];
  if (more !== undefined) return { type: more };
  if (Array.isArray(value)) return { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] };
  return { type: typeof value === "number" ? "integer" : typeof value };
}
