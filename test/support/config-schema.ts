import { join } from "node:path";
import { z } from "zod";
import { configSchema } from "../../src/config.ts";

export const CONFIG_SCHEMA_PATH = join(import.meta.dirname, "../../docs/codex-inbox.schema.json");

/** Returns the JSON schema of codex-inbox.json, as an editor reads it. */
export function configSchemaText(): string {
  return `${JSON.stringify(z.toJSONSchema(configSchema, { io: "input" }), null, 2)}\n`;
}
