import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { findPackage } from "../base/files/find-package.ts";
import { NOTE_BYTES_MAX } from "./note-files.ts";

/** A program that finds lines. Each prints `<path> NUL <line number>:<line>` for lines that hold a fixed string given on its stdin. */
export interface SearchTool {
  readonly name: "rg" | "grep";
  /** Absolute. */
  readonly path: string;
  readonly args: readonly string[];
  /** It leaves out files below a folder that are too large; where it cannot, its reader has to. */
  readonly knowsSizes: boolean;
}

/**
 * Both are told to do the same: every file whose name ends in `.md`, ignored by git or not; bytes, not characters, so that
 * neither encodings nor locales matter; ASCII letters in any case; no links, no devices; no configuration of the user's. What is
 * left of differences (hidden files, sizes) is evened out by the reader of the output. Checked with ripgrep 15.0.0 and GNU grep 3.8.
 */
const RIPGREP: readonly string[] = [
  ...["--no-config", "--no-ignore", "--no-follow", "--no-messages", "--no-mmap"],
  ...["--color=never", "--no-heading", "--with-filename", "--line-number", "--null"],
  // Without --encoding=none it would translate UTF-16; with Unicode the Kelvin sign would be a k.
  ...["--text", "--encoding=none", "--no-unicode", "--ignore-case", "--fixed-strings"],
  ...["--iglob=*.md", `--max-filesize=${NOTE_BYTES_MAX}`, "--file=-", "--"],
];
const GREP: readonly string[] = [
  ...["-r", "-D", "skip", "-s"],
  ...["--color=never", "-H", "-n", "--null"],
  ...["-a", "-i", "-F"],
  ...["--include=*.[mM][dD]", "--exclude-dir=.*", "-f", "-", "--"],
];

/** Where programs are looked for. */
export interface ToolPlaces {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The folder of our own package.json: ripgrep may have been installed beside us. */
  readonly packageDir: string;
}

/** Returns the tools that are there, the better ones first: ripgrep of the PATH, the packaged one, grep. */
export function findSearchTools({ environment, packageDir }: ToolPlaces): readonly SearchTool[] {
  const searchPath = (environment.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const onPath = (name: string): readonly string[] =>
    searchPath.map((folder) => join(resolve(folder), name)).filter(isExecutable);
  const packaged = findPackage(packageDir, `@vscode/ripgrep-${process.platform}-${process.arch}`);
  const beside = packaged === undefined ? [] : [join(packaged, "bin", "rg")].filter(isExecutable);
  return [
    ...[...onPath("rg").slice(0, 1), ...beside].map(
      (path) => ({ name: "rg", path, args: RIPGREP, knowsSizes: true }) as const,
    ),
    ...onPath("grep")
      .slice(0, 1)
      .map((path) => ({ name: "grep", path, args: GREP, knowsSizes: false }) as const),
  ];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // That is the answer.
  }
}
