/** `npm run openapi`: writes docs/openapi.json anew from the types and keys in src/. */
import { writeFileSync } from "node:fs";
import { OPENAPI_PATH, openApiText } from "./openapi/document.ts";

writeFileSync(OPENAPI_PATH, openApiText());
