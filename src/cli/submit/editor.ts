import { spawnSync } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { isBelow } from "../../task/rights/rights.ts";

export interface EditorPlace {
  readonly environment: NodeJS.ProcessEnv;
  /** Real path of the work tree, where agents may read and git may add. */
  readonly workTree: string | undefined;
}

/**
 * Has the user edit `text` in an editor of theirs, in a file of its own that nobody else can read, and hands what they saved to `use`. The
 * file goes away, unless `use` fails: then the message names it, so that nothing typed is lost.
 *
 * @returns what `use` returns; `undefined` where the text is empty, or as it was, and `use` was not called
 * @throws CoordinatorError `USAGE` without an editor, or where it fails
 */
export async function editText<Answer>(
  text: string,
  { environment, workTree }: EditorPlace,
  use: (edited: string) => Promise<Answer>,
): Promise<Answer | undefined> {
  const editor = environment.VISUAL || environment.EDITOR;
  if (editor === undefined || editor === "")
    throw new CoordinatorError("USAGE", "no editor is set: set EDITOR (or VISUAL), such as EDITOR=nano");
  const base = realpathSync(tmpdir());
  if (workTree !== undefined && isBelow(workTree, base))
    throw new CoordinatorError("USAGE", `the folder for temporary files, ${base}, lies in ${workTree}: set TMPDIR`);
  const dir = mkdtempSync(join(base, "codex-inbox-"));
  const path = join(dir, "task.md");
  let isKept = false;
  try {
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
    // Through a shell, as git has it: `code --wait` is two words.
    const { status, signal } = spawnSync("/bin/sh", ["-c", `${editor} "$1"`, "sh", path], {
      stdio: [process.stdin.isTTY ? "inherit" : typedInput(), "inherit", "inherit"],
      env: environment,
    });
    if (status !== 0) throw new CoordinatorError("USAGE", `${editor} ended with ${status ?? signal}: nothing was sent`);
    const edited = readFileSync(path, "utf8");
    if (edited.trim() === "" || edited === text) return undefined;
    try {
      return await use(edited);
    } catch (error) {
      isKept = true;
      if (error instanceof CoordinatorError) error.message += `\nWhat you wrote is kept in ${path}`;
      throw error;
    }
  } finally {
    if (!isKept) rmSync(dir, { recursive: true, force: true });
  }
}

/** Standard input has been read to its end by then: the editor needs the terminal. */
function typedInput(): number | "ignore" {
  try {
    return openSync("/dev/tty", "r");
  } catch {
    return "ignore"; // An editor that needs none: a script.
  }
}
