import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { checkLogin, type LoginOptions } from "../../../../src/run/codex/install/check-login.ts";
import { nativeBinary } from "../../../../src/run/codex/install/native-binary.ts";
import { STUB_PATH } from "../../../support/test-runner.ts";

const WRAPPER = join(import.meta.dirname, "../../../../node_modules/.bin/codex");
const PROVIDER_TOML = 'model = "m"\nmodel_provider = "local" # mine\n\n[model_providers.local]\nname = "Local"\n';
const TABLE_TOML = '[profiles.x]\nmodel_provider = "local"\n';

describe("checking the login", () => {
  function options(
    changes: { readonly files?: Readonly<Record<string, string>>; readonly path?: string } & Partial<LoginOptions>,
  ): LoginOptions {
    const home = mkdtempSync(join(tmpdir(), "check-login-"));
    onTestFinished(() => rmSync(home, { recursive: true, force: true }));
    const codexHome = join(home, ".codex");
    mkdirSync(codexHome);
    for (const [name, text] of Object.entries(changes.files ?? {})) writeFileSync(join(codexHome, name), text);
    const { path = STUB_PATH, extraConfig = [], oss = false } = changes;
    const environment = { PATH: process.env.PATH, HOME: home, ...changes.environment };
    return { installation: { path, version: "0.169.0", foundBy: "flag" }, environment, extraConfig, oss };
  }

  it.each<{ name: string; with: Parameters<typeof options>[0] }>([
    { name: "a key in the environment", with: { environment: { CODEX_API_KEY: "k" } } },
    { name: "a token in the environment", with: { environment: { CODEX_ACCESS_TOKEN: "t" } } },
    { name: "a stored login", with: { files: { "auth.json": "{}" } } },
    { name: "another provider in config.toml", with: { files: { "config.toml": PROVIDER_TOML } } },
    { name: "another provider for every run", with: { extraConfig: ['model_provider="local"'] } },
    { name: "a local model", with: { oss: true } },
  ])("is content with $name", async (one) => expect(await checkLogin(options(one.with))).toBeUndefined());

  it.each<{ name: string; with: Parameters<typeof options>[0] }>([
    { name: "there is nothing", with: {} },
    { name: "the key is empty", with: { environment: { CODEX_API_KEY: "" } } },
    {
      name: "only OpenAI's own variable is set, which codex does not read",
      with: { environment: { OPENAI_API_KEY: "k" } },
    },
    { name: "another provider is only in a table that is not in use", with: { files: { "config.toml": TABLE_TOML } } },
    {
      name: "a setting goes back to OpenAI",
      with: { files: { "config.toml": PROVIDER_TOML }, extraConfig: ["model_provider=openai"] },
    },
    { name: "the real codex has no login", with: { path: nativeBinary(WRAPPER) } },
  ])("says what to do when $name", async (one) => {
    const message = expect.stringMatching(/^codex is not logged in \(Not logged in\): run `codex login`/);
    await expect(checkLogin(options(one.with))).rejects.toMatchObject({ code: "CODEX", message });
  });

  it("does not ask for a login where the real codex cannot read its configuration", async () => {
    const broken = options({ path: nativeBinary(WRAPPER), files: { "config.toml": "model = [" } });
    const message = expect.stringMatching(/^codex cannot start: Error loading configuration: .*config\.toml:1:/);
    await expect(checkLogin(broken)).rejects.toMatchObject({ code: "CODEX", message });
  });
});
