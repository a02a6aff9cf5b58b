import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createAuthorshipReader } from "../../../src/git/repository/history.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";
import { waitFor } from "../../support/wait-for.ts";

it("a program that never says whether a signature is good is killed, and the signature counts as unknown", async () => {
  const repo = tempRepo();
  const folder = tempDir();
  const gpg = join(folder, "gpg.sh");
  const ids = join(folder, "ids");
  const script = (body: string): void => writeFileSync(gpg, `#!/bin/sh\n${body}\n`);
  script("cat > /dev/null; echo '[GNUPG:] SIG_CREATED ' >&2; echo '-----BEGIN PGP SIGNATURE-----'");
  chmodSync(gpg, 0o755);
  repo.git("config", "gpg.program", gpg);
  repo.write("a.md", "a");
  repo.git("add", "--all");
  repo.git("commit", "--quiet", "-S", "-m", "signed");
  const commit = repo.git("rev-parse", "HEAD");
  script(`echo $$ >> ${ids}; sleep 600 & wait`);
  const said: string[] = [];
  const place = { gitDir: join(repo.dir, ".git"), topDir: repo.dir };
  const reader = createAuthorshipReader(place, (message) => said.push(message), { timeMs: 1_000, againMs: 60_000 });
  const unknown = { author: expect.any(String), email: expect.stringContaining("@"), signature: null, signer: null };
  expect(await reader(commit)).toEqual(unknown);
  expect(said).toEqual([
    expect.stringMatching(/^git has not said within 1 s whether the signature of [0-9a-f]+ is good/),
  ]);
  expect(await reader(commit)).toEqual(unknown); // At once: it is not asked again so soon.
  expect(said).toHaveLength(1);
  const [id = "", ...more] = readFileSync(ids, "utf8").trim().split("\n");
  expect(more).toEqual([]);
  await waitFor(() => !existsSync(`/proc/${id}`), { what: "the end of the program" });
});
