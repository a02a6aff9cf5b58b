import { chmodSync, existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { CoordinatorError } from "../../../src/base/errors.ts";
import { type EditorPlace, editText } from "../../../src/cli/submit/editor.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** An editor that notes what it was given and runs `script` on the file `$1`. */
function editor(script: string): { readonly place: EditorPlace; seen(name: string): string } {
  const dir = tempDir();
  const path = join(dir, "my editor");
  const note = `printf %s "$1" >'${dir}/path'; cat "$1" >'${dir}/text'; stat -c %a "$1" "$(dirname "$1")" >'${dir}/mode'`;
  writeFileSync(path, `#!/bin/sh\n${note}\n${script}\n`);
  chmodSync(path, 0o700);
  return {
    place: { environment: { PATH: process.env.PATH, EDITOR: `'${path}'` }, workTree: undefined },
    seen: (name) => readFileSync(join(dir, name), "utf8"),
  };
}

describe("a text that the user edits", () => {
  it("lies in a file that nobody else can read, is handed on as saved, and goes", async () => {
    const { place, seen } = editor('printf "\\nmore" >>"$1"');
    expect(await editText("Fix it", place, async (text) => text)).toBe("Fix it\nmore");
    expect([seen("text"), seen("mode")]).toEqual(["Fix it", "600\n700\n"]);
    expect(existsSync(dirname(seen("path")))).toBe(false);
  });

  it.each(["true", ': >"$1"', 'printf " \\n" >"$1"'])(
    "is not handed on where it is empty or as it was: %s",
    async (script) => {
      const { place, seen } = editor(script);
      const use = vi.fn();
      expect(await editText("Fix it", place, use)).toBeUndefined();
      expect(use).not.toHaveBeenCalled();
      expect(existsSync(seen("path"))).toBe(false);
    },
  );

  it("is kept where it cannot be used, and the message says where", async () => {
    const { place, seen } = editor('echo more >>"$1"');
    const use = () => Promise.reject(new CoordinatorError("TASK_FILE", "it is wrong"));
    const message = expect.stringMatching(/^it is wrong\nWhat you wrote is kept in \/.*task\.md$/);
    await expect(editText("Fix it\n", place, use)).rejects.toMatchObject({ code: "TASK_FILE", message });
    expect(readFileSync(seen("path"), "utf8")).toBe("Fix it\nmore\n");
  });

  it("needs an editor that ends well", async () => {
    const use = () => Promise.reject(new Error("not to be used"));
    await expect(editText("x", { environment: {}, workTree: undefined }, use)).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("no editor is set"),
    });
    const failed = editText("x", editor("exit 3").place, use);
    await expect(failed).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("ended with 3") });
  });

  it("does not lie in a work tree", async () => {
    const dir = tempDir();
    vi.stubEnv("TMPDIR", dir);
    const refused = editText(
      "x",
      { environment: { EDITOR: "true" }, workTree: realpathSync(dir) },
      async (text) => text,
    );
    await expect(refused).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("set TMPDIR") });
    vi.unstubAllEnvs();
  });
});
