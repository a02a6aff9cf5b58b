import { execFileSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { makeFolder } from "../../../src/base/files/make-folder.ts";
import { tempDir } from "../../support/temp-dir.ts";

it("makes a folder and those above it, for their owner alone, and none twice", () => {
  const dir = join(tempDir(), "a/b");
  makeFolder(dir);
  makeFolder(dir);
  expect(statSync(join(dir, "..")).mode & 0o777).toBe(0o700);
});

it("says of a read-only file system that it is one", () => {
  const dir = join(tempDir(), "read-only");
  mkdirSync(dir);
  const source = fileURLToPath(new URL("../../../src/base/files/make-folder.ts", import.meta.url));
  const ask = `import { makeFolder } from ${JSON.stringify(source)}; try { makeFolder("${dir}/a/b"); } catch (error) { console.log(error.code); }`;
  const script = `mount -t tmpfs none "$0" && mount -o remount,ro "$0" && exec "$1" --input-type=module -e "$2"`;
  const said = execFileSync("unshare", ["-Urm", "sh", "-c", script, dir, process.execPath, ask], { encoding: "utf8" });
  expect(said).toBe("EROFS\n");
});
