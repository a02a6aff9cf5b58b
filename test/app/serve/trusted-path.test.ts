import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { trustNothingIn } from "../../../src/app/serve/trusted-path.ts";
import { tempDir } from "../../support/temp-dir.ts";

afterEach(() => void vi.unstubAllEnvs());

function trustedPath(searchPath: string, workRoot: string): { readonly path: string; readonly leftOut: string } {
  vi.stubEnv("PATH", searchPath);
  let leftOut = "";
  trustNothingIn(workRoot, (_, fields) => {
    leftOut = String(fields.leftOut);
  });
  return { path: process.env.PATH ?? "", leftOut };
}

it("leaves out of a PATH what agents may write to, also by a link, and nothing else", () => {
  const base = tempDir();
  const tree = join(base, "tree");
  mkdirSync(join(tree, "bin"), { recursive: true });
  mkdirSync(join(base, "tree-tools"));
  symlinkSync(join(tree, "bin"), join(base, "link"));
  const kept = ["/usr/bin", join(base, "tree-tools"), "/nowhere"];
  const left = [tree, join(tree, "bin"), join(tree, "node_modules/.bin"), join(base, "link")];
  expect(trustedPath([...left, ...kept].join(":"), tree)).toEqual({ path: kept.join(":"), leftOut: left.join(":") });
});

it("counts a relative folder from the current one", () => {
  const here = process.cwd();
  expect(trustedPath(":node_modules/.bin:/usr/bin", here)).toEqual({
    path: "/usr/bin",
    leftOut: ":node_modules/.bin",
  });
  expect(trustedPath("node_modules/.bin:/usr/bin", join(here, "src")).leftOut).toBe("");
});
