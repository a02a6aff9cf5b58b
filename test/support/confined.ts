import type { Confinement } from "../../src/task/spec/sandbox-profile.ts";

/** What holds for every run, on a machine where nothing has to be kept from agents. */
export const CONFINED: Confinement = { readDenied: [], readable: [], writeDenied: [], network: "none", mcp: "none" };
