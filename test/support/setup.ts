import process from "node:process";
import { startGitsFromShell } from "./git-starter.ts";

startGitsFromShell();

/** `TEST_SEED` repeats the properties of a run too; without it fast-check draws a seed, and prints it where a property fails. */
const { TEST_SEED } = process.env;
if (TEST_SEED !== undefined) {
  const { configureGlobal } = await import("fast-check");
  configureGlobal({ seed: Number(TEST_SEED) });
}
