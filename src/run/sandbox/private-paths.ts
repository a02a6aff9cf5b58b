import { accessSync, constants, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { realPathOf } from "../../base/files/real-path.ts";
import { isBelow } from "../../task/rights/rights.ts";
import type { Environment } from "./environment.ts";

/** Files and folders of a home that hold keys, tokens and passwords, or what was typed into a shell. */
const PRIVATE_NAMES: readonly string[] = [
  ...[".ssh", ".gnupg", ".password-store", ".local/share/keyrings", ".netrc", ".authinfo", ".authinfo.gpg"],
  // Clouds and clusters.
  ...[".aws", ".azure", ".config/gcloud", ".boto", ".oci", ".kube", ".docker", ".config/containers/auth.json"],
  ...[
    ".config/doctl",
    ".config/heroku",
    ".config/rclone",
    ".s3cfg",
    ".terraform.d/credentials.tfrc.json",
    ".vault-token",
  ],
  ...[".databrickscfg", ".fly", ".config/op"],
  // Code hosting.
  ...[".git-credentials", ".config/git/credentials", ".config/gh", ".config/glab-cli", ".config/hub"],
  // Package registries.
  ...[".npmrc", ".yarnrc.yml", ".pypirc", ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials"],
  ...[".m2/settings.xml", ".gradle/gradle.properties", ".nuget/NuGet/NuGet.Config", ".composer/auth.json"],
  ...[".config/composer/auth.json", ".bundle/config"],
  // Databases.
  ...[".pgpass", ".my.cnf", ".mylogin.cnf"],
  // Other agents and browsers.
  ...[
    ".claude",
    ".claude.json",
    ".gemini",
    ".config/github-copilot",
    ".mozilla",
    ".config/chromium",
    ".config/google-chrome",
  ],
  // What was typed.
  ...[".bash_history", ".zsh_history", ".node_repl_history", ".python_history", ".psql_history", ".mysql_history"],
];

/** Homes of other users that are looked at; more are on no machine that people work on. */
const HOMES_MAX = 1_000;

/**
 * Returns what no run may read of the owner's home, and the homes of other users that this process could read; absolute. Of a home that
 * the PATH leads into (/home/linuxbrew) only what is private in every home: its programs are there to be run.
 */
export function privatePaths(environment: Environment): readonly string[] {
  const home = realPathOf(environment.HOME || homedir());
  const programs = (environment.PATH ?? "").split(delimiter).filter((folder) => folder.startsWith("/"));
  const others = otherHomes(home);
  const shared = others.filter((other) => programs.some((folder) => isBelow(other, realPathOf(folder))));
  return [
    ...[home, ...shared].flatMap((folder) => PRIVATE_NAMES.map((name) => join(folder, name))),
    ...others.filter((other) => !shared.includes(other)),
  ];
}

function otherHomes(home: string): readonly string[] {
  const all = ["/root", ...entriesOf("/home")];
  return all.filter((path) => !isBelow(path, home) && isReadable(path)).slice(0, HOMES_MAX);
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return []; // What we cannot list, an agent cannot either.
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false; // That is the answer.
  }
}
