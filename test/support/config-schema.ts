import { join } from "node:path";
import { toJsonSchema } from "@valibot/to-json-schema";
import { configSchema } from "../../src/config/config-schema.ts";

export const CONFIG_SCHEMA_PATH = join(import.meta.dirname, "../../docs/codex-inbox.schema.json");

/** Returns the JSON schema of codex-inbox.json, as an editor reads it. */
export function configSchemaText(): string {
  const { $schema, ...schema } = toJsonSchema(configSchema, {
    typeMode: "input",
    target: "draft-2020-12",
    ignoreActions: ["check"],
  });
  return `${JSON.stringify({ $schema, ...schema }, null, 2)}
`;
}
