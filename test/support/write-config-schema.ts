/** `npm run schema`: writes docs/codex-inbox.schema.json anew from the schema in src/config.ts. */
import { writeFileSync } from "node:fs";
import { CONFIG_SCHEMA_PATH, configSchemaText } from "./config-schema.ts";

writeFileSync(CONFIG_SCHEMA_PATH, configSchemaText());
