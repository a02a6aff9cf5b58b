/** `npm run docs:cli`: writes docs/cli.md anew from the commands in src/cli. */
import { writeFileSync } from "node:fs";
import { CLI_DOCS_PATH, cliDocsText } from "./cli-docs.ts";

writeFileSync(CLI_DOCS_PATH, await cliDocsText());
