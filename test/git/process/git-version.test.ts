import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { requireGit } from "../../../src/git/process/git-version.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Returns an environment whose git prints `version`. */
function gitThatSays(version: string): NodeJS.ProcessEnv {
  const dir = tempDir();
  const path = join(dir, "git");
  writeFileSync(path, `#!/bin/sh\necho "${version}"\n`);
  chmodSync(path, 0o755);
  return { PATH: dir };
}

test("the git of this machine is recent enough", async () => {
  await requireGit(process.env);
});

test.each([
  "git version 2.36.0",
  "git version 2.51.0.windows.1",
  "git version 3.0.0",
  "git version 2.39.5 (Apple Git-154)",
])("%s will do", async (version) => {
  await requireGit(gitThatSays(version));
});

test.each(["git version 2.35.9", "git version 1.99.0", "a program of another kind"])(
  "%s is refused",
  async (version) => {
    await expect(requireGit(gitThatSays(version))).rejects.toMatchObject({
      code: "CONFIG",
      message: `git is too old: found "${version}", need 2.36 or newer`,
    });
  },
);

test("that there is no git is said", async () => {
  const refused = requireGit({ PATH: tempDir() });
  await expect(refused).rejects.toMatchObject({ code: "CONFIG" });
  await expect(refused).rejects.toThrow(/^git cannot be run .*install git 2\.36 or newer$/);
});
