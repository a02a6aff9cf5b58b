/** `npm run patterns`: has every regular expression of the program judged, and writes test/fixtures/linear-patterns.txt anew. */
import { PROGRAM_FOLDERS, patternsBelow, writeProvenPatterns } from "./patterns.ts";

const slow = writeProvenPatterns(patternsBelow(PROGRAM_FOLDERS));
if (slow.length > 0) throw new Error(slow.join("\n"));
