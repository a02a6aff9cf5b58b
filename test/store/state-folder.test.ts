import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { secureStateFolder } from "../../src/store/state-folder.ts";
import { tempDir } from "../support/temp-dir.ts";

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

it("the coordinator's folder is its owner's alone, whatever it was before", () => {
  const top = join(tempDir(), "codex-inbox");
  const root = join(top, "homes/queue");
  mkdirSync(join(root, "journal"), { recursive: true });
  writeFileSync(join(root, "server.json"), "{}");
  const outside = join(tempDir(), "outside");
  writeFileSync(outside, "");
  symlinkSync(outside, join(root, "link"));
  for (const path of [top, join(top, "homes"), root, join(root, "journal")]) chmodSync(path, 0o755);
  for (const path of [join(root, "server.json"), outside]) chmodSync(path, 0o644);
  secureStateFolder(root);
  for (const path of [top, join(top, "homes"), root, join(root, "journal")]) expect(modeOf(path)).toBe("700");
  expect([modeOf(join(root, "server.json")), modeOf(outside)]).toEqual(["600", "644"]);

  const fresh = join(tempDir(), "codex-inbox");
  secureStateFolder(fresh);
  expect(modeOf(fresh)).toBe("700");
});
