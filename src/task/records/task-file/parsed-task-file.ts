import { readFrontMatter } from "../../file/front-matter.ts";
import { type ParsedTaskFile, parseTaskFileBy } from "./task-file-reading.ts";

export type { ParsedTaskFile };

/** Reads a committed task file as `parseTaskFileBy` does, whatever its front matter takes to be read. */
export function parseTaskFile(text: string): ParsedTaskFile | undefined {
  return parseTaskFileBy(readFrontMatter, text);
}
