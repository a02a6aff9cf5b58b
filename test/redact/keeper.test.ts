import fs, { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { loadCredentialRules } from "../../src/redact/credential-rules.ts";
import { createKeeper } from "../../src/redact/keeper.ts";
import { createKnownValues } from "../../src/redact/known-values.ts";
import { asKeptText } from "../../src/task/text/kept-text.ts";
import { formsOf, PLANTED_SECRETS, SECRET_ENVIRONMENT, VARIABLE_SECRET } from "../support/planted-secrets.ts";
import { tempDir } from "../support/temp-dir.ts";

const RULES = await loadCredentialRules();
const ROOT = join(import.meta.dirname, "../..");
const SLOW_MS = 50;

function keeperWith(environment: Readonly<Record<string, string>> = SECRET_ENVIRONMENT, loginPath?: string) {
  return createKeeper(RULES, createKnownValues(environment, loginPath));
}
const KEEPER = keeperWith();
const FOUND = PLANTED_SECRETS.filter(({ kind }) => kind !== "codex-login");
const [TOKEN = ""] = FOUND.flatMap(({ kind, secret }) => (kind === "github-token" ? [secret] : []));

describe("what is found", () => {
  it.each(FOUND)("$kind, and the text around it stays", ({ line, kept }) => {
    expect(KEEPER.keep(line)).toBe(kept);
    expect(KEEPER.keep(`before: ${line}\nafter`)).toBe(`before: ${kept}\nafter`);
    expect(KEEPER.keep({ [line]: [line, { deep: line }], n: 1, none: null })).toEqual({
      [kept]: [kept, { deep: kept }],
      ...{ n: 1, none: null },
    });
  });

  it.each(FOUND)("$kind, escaped for JSON once and twice", ({ line, secret }) => {
    const once = JSON.stringify({ text: `first\n${line}` });
    const [inOne, inTwo] = [KEEPER.keep(once), KEEPER.keep(JSON.stringify(once))];
    for (const form of formsOf(secret)) {
      expect(inOne).not.toContain(form);
      expect(inTwo).not.toContain(form);
    }
    expect(inOne).toMatch(/^\{"text":"first\\n.*"\}$/);
  });

  it.each([0, 1, 2, 3])(
    "what is known by value, in base64 after %i other bytes, on one line and on several",
    (before) => {
      const encoded = Buffer.from(`${"x".repeat(before)}${VARIABLE_SECRET}${"y".repeat(90)}`).toString("base64");
      const lines = Buffer.from(`${"x".repeat(before + 45)}${VARIABLE_SECRET}${"y".repeat(90)}`)
        .toString("base64")
        .replaceAll(/.{76}/g, "$&\n");
      expect(KEEPER.keep(`env: ${encoded}`)).toContain("[redacted: environment-secret]");
      expect(KEEPER.keep(lines)).toContain("[redacted: environment-secret]");
    },
  );

  it("what is known by value, in the escapes of URLs and cut with an ellipsis", () => {
    expect(KEEPER.keep(`?q=${encodeURIComponent(VARIABLE_SECRET)}&r=1`)).toBe("?q=[redacted: environment-secret]&r=1");
    expect(KEEPER.keep(`title: "${VARIABLE_SECRET.slice(0, 14)}…" is long`)).toBe(
      'title: "[redacted: environment-secret]…" is long',
    );
  });

  it.each([
    ["GET https://x.example/a?user=ada&password=", "hunter22", "&x=1"],
    ["curl 'https://x.example/a?access_token=", "f3Kq9vT2mZ8xB1", "' -s"],
    ["grant_type=refresh&amp;client_secret=", "Zk81-aQ_93mfTT7p", ""],
    ["https://s3.example/b?X-Amz-Signature=", "9f8e7d6c5b4a39281706f5e4d3c2b1a0", ""],
  ])("a secret in the parameters behind %s", (before, secret, after) => {
    expect(KEEPER.keep(before + secret + after)).toBe(`${before}[redacted: url-parameter]${after}`);
  });

  it("the proof of a password in a digest header", () => {
    const proof = "6629fae49393a05397450978507c4ef1";
    const header = (response: string): string =>
      `Authorization: Digest username="ada", realm="x", nonce="dcd98b7102dd2f0e", uri="/", response="${response}", qop=auth`;
    expect(KEEPER.keep(header(proof))).toBe(header("[redacted: authorization]"));
    expect(KEEPER.keep(JSON.stringify(header(proof)))).toBe(JSON.stringify(header("[redacted: authorization]")));
  });

  it("what is known by value in wrapped base64, wherever a window ends", () => {
    const inLine10And11 = `${"x".repeat(570 - VARIABLE_SECRET.length / 2)}${VARIABLE_SECRET}${"y".repeat(600)}`;
    const wrapped = Buffer.from(inLine10And11).toString("base64").replaceAll(/.{76}/g, "$&\n");
    for (let lines = 2_200; lines < 2_240; lines += 1) {
      const text = `${"a line\n".repeat(lines)}${wrapped}\nthe end`;
      expect(KEEPER.keep(text), String(lines)).toContain("[redacted: environment-secret]");
    }
  });

  it("secrets of one kind as the keys of one mapping, which stay two", () => {
    const [one, two] = [TOKEN, `${TOKEN.slice(0, -2)}Zz`];
    const kept = KEEPER.keep({ [one]: 1, [two]: 2 });
    expect(kept).toEqual({ "[redacted: github-token]": 1, "[redacted: github-token] (2)": 2 });
    expect(KEEPER.keep({ ...kept })).toEqual(kept);
  });

  it("a secret with codes of a terminal, or with characters that are not seen, in it", () => {
    const coloured = `\u001B[31m${TOKEN.slice(0, 4)}\u001B[0m${TOKEN.slice(4, 9)}\u200B${TOKEN.slice(9)}`;
    expect(KEEPER.keep(`a ${coloured} b`)).toBe("a \u001B[31m[redacted: github-token] b");
  });

  it("a secret by the key that it is the value of, and one behind a comment that switches rules off", () => {
    const [{ secret = "" } = {}] = FOUND.filter(({ kind }) => kind === "authorization");
    expect(KEEPER.keep({ authorization: `Bearer ${secret}` })).toEqual({
      authorization: "Bearer [redacted: authorization]",
    });
    expect(KEEPER.keep(`// secretlint-disable\n${TOKEN}`)).toBe("// secretlint-disable\n[redacted: github-token]");
  });

  it.each([
    (secret: string) => `map[Accept:[*/*] Authorization:[Bearer ${secret}]]`,
    (secret: string) => JSON.stringify({ headers: { Authorization: [`Bearer ${secret}`] } }),
    (secret: string) => `{'Authorization': b'Bearer ${secret}'}`,
    (secret: string) => `[('authorization', 'Bearer ${secret}')]`,
    (secret: string) => JSON.stringify([{ name: "Authorization", value: `Bearer ${secret}` }]),
    (secret: string) => `authorization:\n  - Bearer ${secret}\n`,
    (secret: string) => `headers.set("Authorization", "Bearer ${secret}")`,
  ])("a header as programs print it: form %#", (form) => {
    const [{ secret = "" } = {}] = FOUND.filter(({ kind }) => kind === "authorization");
    expect(KEEPER.keep(form(secret))).toBe(form("[redacted: authorization]"));
  });

  it.each([
    (secret: string) => JSON.stringify({ "set-cookie": [`sid=${secret}; Path=/`] }),
    (secret: string) => `map[Set-Cookie:[sid=${secret}; Path=/]]`,
    (secret: string) => `headers.append("Cookie", "sid=${secret}")`,
  ])("cookies as programs print them: form %#", (form) => {
    const [{ secret = "" } = {}] = FOUND.filter(({ kind }) => kind === "cookie");
    expect(KEEPER.keep(form(secret))).toBe(form("[redacted: cookie]"));
  });

  it("what is known by value, as a shell and a page of HTML escape it", () => {
    const value = ["p$9!", "w&0`rd", "zT7;kQ"].join("");
    const keeper = keeperWith({ BILLING_API_TOKEN: value });
    const printed = `declare -x BILLING_API_TOKEN="${value.replaceAll(/[$`"\\]/g, "\\$&")}"`;
    expect(keeper.keep(printed)).toBe('declare -x BILLING_API_TOKEN="[redacted: environment-secret]"');
    expect(keeper.keep(value.replaceAll(/[^A-Za-z0-9]/g, "\\$&"))).toBe("[redacted: environment-secret]");
    for (const html of [value.replace("&", "&amp;"), value.replaceAll(/\W/g, (one) => `&#${one.charCodeAt(0)};`)])
      expect(keeper.keep(`<b>${html}</b>`)).toBe("<b>[redacted: environment-secret]</b>");
  });

  it("a secret wherever it stands in a long text, with line ends and without", () => {
    for (const filling of ["some words of a line\n", "x".repeat(40)])
      for (const at of [0, 16_000, 32_760, 65_000, 98_299]) {
        const head = filling.repeat(10_000).slice(0, at);
        const tail = filling.repeat(2_000);
        expect(KEEPER.keep(`${head} ${TOKEN} ${tail}`)).toBe(`${head} [redacted: github-token] ${tail}`);
      }
  });

  it("a private key that was cut off", () => {
    const [{ secret = "" } = {}] = FOUND.filter(({ kind }) => kind === "private-key");
    expect(KEEPER.keep(`${secret.slice(0, 120)}"}\nand more`)).toBe('[redacted: private-key]"}\nand more');
  });

  it("a login that could not be read for want of descriptors, with the next text", () => {
    const path = join(tempDir(), "auth.json");
    const login = "token-of-the-only-login-1";
    writeFileSync(path, JSON.stringify({ tokens: { access_token: login } }));
    const { openSync } = fs;
    const put = (open: typeof openSync): void => {
      fs.openSync = open;
      syncBuiltinESMExports();
    };
    onTestFinished(() => put(openSync));
    put(() => {
      throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
    });
    const keeper = keeperWith({}, path);
    put(openSync);
    expect(keeper.keep(`is ${login}`)).toBe("is [redacted: codex-login]");
  });

  it("a renewed login at once, and the old one still", () => {
    const path = join(tempDir(), "auth.json");
    const keeper = keeperWith({}, path);
    const [first, second] = ["token-of-the-first-login-1", "token-of-the-second-login-2"];
    expect(keeper.keep(first)).toBe(first);
    writeFileSync(path, JSON.stringify({ tokens: { access_token: first }, last_refresh: "2026-11-20T10:00:00.000Z" }));
    expect(keeper.keep(`is ${first}`)).toBe("is [redacted: codex-login]");
    writeFileSync(path, JSON.stringify({ tokens: { access_token: second } }));
    utimesSync(path, 1, 1);
    expect(keeper.keep(`${first} ${second} 2026-11-20T10:00:00.000Z`)).toBe(
      "[redacted: codex-login] [redacted: codex-login] 2026-11-20T10:00:00.000Z",
    );
  });
});

describe("what stays", () => {
  it.each([
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how a shell writes it
    "?token=${TOKEN}&password=<password>&secret=your-secret-here",
    "?page_token=CAUQAA1234567890&token=next&signature=required&pwd=***",
    "if (a?.token === b && password=== c) auth=none",
    "digest username=ada; sha256 digest of the response=200",
  ])("%s", (text) => expect(KEEPER.keep(text)).toBe(text));

  it.each<{ name: string; text: string }>([
    {
      name: "identifiers and hashes",
      text: "01a1f983-68c0-73f0-b052-b819acb45957 8f3a9fec7be4fdbfcad932c1a5e7d9b0f4a6c8e2",
    },
    {
      name: "integrity hashes",
      text: '"integrity": "sha512-hfdYra+ZB6RmviEApxeL/YCx4ovBtpj0d9c+uhlCZaCikObjb8Sb8yqBN6g8/9tt7qD7LXGE3k9RtVvGK1fNVw=="',
    },
    { name: "an image", text: `data:image/png;base64,${Buffer.alloc(300, 7).toString("base64")}` },
    { name: "example keys", text: "AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
    {
      name: "code around headers",
      text: `headers: { Authorization: \`Bearer \${token}\`, cookie: string, authorization: config.token }`,
    },
    {
      name: "documentation of headers",
      text: "Authorization: Bearer <token>\nCookie: name=value\nAuthorization: Basic YOUR_TOKEN\nauthorization (bearer tokens)",
    },
    {
      name: "addresses",
      text: "https://user@example.com http://127.0.0.1:8787/tasks postgres://user:password@localhost/db git@github.com:a/b.git",
    },
    { name: "a placeholder for a key", text: "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----" },
    { name: "names of variables", text: `export GITHUB_TOKEN=$GH_TOKEN AWS_SECRET_ACCESS_KEY=\${SECRET}` },
    { name: "a marker", text: "Authorization: Bearer [redacted: authorization]" },
  ])("$name", ({ text }) => expect(KEEPER.keep(text)).toBe(text));

  it("all of this repository's own sources, documentation and lock file", () => {
    const texts = ["src", "docs", "test", "package-lock.json"].flatMap((name) => filesIn(join(ROOT, name)));
    expect(texts.length).toBeGreaterThan(500);
    expect(texts.filter((path) => KEEPER.kindsIn(readFileSync(path, "utf8")).length > 0)).toEqual([]);
  });

  it("values of variables that are no secrets: short, common words, paths", () => {
    const keeper = keeperWith({
      ...{ API_KEY: "short", AUTH_TOKEN: "disabled", SSH_KEY: "/home/u/.ssh/id_ed25519", KEYBOARD: "pc105-layout-9" },
      ...{
        TOKEN_ENDPOINT_SECRET: "https://example.com/tok3n",
        MAX_TOKENS: "100000",
        SSH_AUTH_SOCK: "/tmp/agent.12345678",
      },
    });
    const text =
      "short disabled /home/u/.ssh/id_ed25519 pc105-layout-9 https://example.com/tok3n 100000 /tmp/agent.12345678";
    expect(keeper.keep(text)).toBe(text);
  });

  it("what has passed, however often it passes again", () => {
    const pieces = [
      ...FOUND.map(({ line }) => line),
      "x",
      "\n",
      '"',
      "\\",
      "[redacted: ",
      "]",
      "Authorization: Bearer ",
      "%2",
      "…",
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (parts) => {
        const once = KEEPER.keep(parts.join(""));
        expect(KEEPER.keep(once)).toBe(once);
      }),
    );
  });

  it("the object that was returned once", async () => {
    const kept = await KEEPER.keepInSlices({ entries: [{ text: `a ${TOKEN}` }] });
    expect(kept).toEqual({ entries: [{ text: "a [redacted: github-token]" }] });
    expect(KEEPER.keep(kept)).toBe(kept);
    expect(KEEPER.keep({ record: kept }).record).toBe(kept);
  });
});

describe("an excerpt", () => {
  it("has no half of a secret at its cuts, and says how much is missing", async () => {
    for (let shift = 0; shift <= TOKEN.length + 2; shift += 1) {
      const text = `${"a".repeat(50 - shift)} ${TOKEN} ${"b".repeat(5_000)} ${TOKEN} ${"c".repeat(50 - shift)}`;
      const kept = await KEEPER.keepExcerpt(text, 100);
      expect(kept).not.toContain(TOKEN.slice(0, 6));
      expect(kept).not.toContain(TOKEN.slice(-6));
      const [, left] = /\n\[… (\d+) bytes left out …\]\n/.exec(kept) ?? [];
      const shown = kept.replace(/\n\[… \d+ bytes left out …\]\n/, "").replaceAll("[redacted: github-token]", TOKEN);
      expect(Number(left) + Buffer.byteLength(shown)).toBe(text.length);
    }
  });

  it("of a short text is the text without its secrets, and no character is cut in two", async () => {
    expect(await KEEPER.keepExcerpt(`x ${TOKEN}`, 1_000)).toBe("x [redacted: github-token]");
    expect(await KEEPER.keepExcerpt("ä".repeat(100), 21)).toBe(
      `${"ä".repeat(5)}\n[… 180 bytes left out …]\n${"ä".repeat(5)}`,
    );
    expect(await KEEPER.keepExcerpt("😀".repeat(100), 22)).toBe(
      `${"😀".repeat(2)}\n[… 384 bytes left out …]\n${"😀".repeat(2)}`,
    );
  });
});

it("an excerpt of a long text is made with turns for others in between", async () => {
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await KEEPER.keepExcerpt("ghs_1_".repeat(50_000), 131_072);
  isDone = true;
  expect(turns).toBeGreaterThan(3);
});

describe("a name", () => {
  it("keeps its parts, its ending and its difference from others", () => {
    const [one, two] = [`inbox/${TOKEN}.md`, `inbox/x-${TOKEN}.md`].map((name) => KEEPER.keepName(name));
    expect(one).toMatch(/^inbox\/redacted-github-token-[0-9a-f]{8}\.md$/);
    expect(two).toMatch(/^inbox\/redacted-github-token-[0-9a-f]{8}\.md$/);
    expect(one).not.toBe(two);
    expect(KEEPER.keepName(`inbox/${TOKEN}.md`)).toBe(one);
    expect(KEEPER.keepName(one ?? "")).toBe(one);
    expect(KEEPER.keepName("inbox/docs/fix login.md")).toBe("inbox/docs/fix login.md");
  });
});

describe("texts in a row", () => {
  const split = (...texts: readonly string[]) => KEEPER.keepSplit(texts.map(asKeptText));
  const [head, tail] = [VARIABLE_SECRET.slice(0, 9), VARIABLE_SECRET.slice(9)];
  it("lose what is known by value and stands in two or more of them", async () => {
    expect(await split("a", `x ${head}`, `${tail} y`, "b")).toEqual([
      ...["a", "x [redacted: environment-secret]", "[redacted: environment-secret] y", "b"],
    ]);
    const parts = [...VARIABLE_SECRET];
    expect((await split(...parts.map((part) => `${part}\n`))).join("")).not.toMatch(/[a-z0-9]{3}\n/);
    expect(await split("a", "b")).toEqual(["a", "b"]);
  });
});

describe("time", () => {
  const MEGABYTE = 1_048_576;
  it("is linear: ten times the text takes about ten times as long, whatever the text is made of", () => {
    const seeds = [
      "SG.a.".padEnd(300, "a"),
      "ghs_1_",
      "://a:",
      "cookie: a=b;",
      `cookie: a=${"b".repeat(6)}; `,
      "eyJ-",
      "-----BEGIN PRIVATE KEY-----",
      "…",
      "\\",
      "\\u00",
      "%4",
      "\u001B[",
      "xoxb-a-",
      "authorization: ",
      "authorization [",
      "authorization\n value",
      "&#3",
      "\\$",
      "_authToken=",
      "?token=",
      "&password=a",
      "digest realm=",
      'digest nonce="" response=',
      `${"A".repeat(76)}\n`,
    ];
    for (const seed of seeds) {
      const timeOf = (length: number): number => {
        const text = seed.repeat(Math.ceil(length / seed.length));
        const before = process.cpuUsage(); // Not the time on the wall: others may have the processor.
        KEEPER.keep(text);
        return process.cpuUsage(before).user / 1_000;
      };
      timeOf(20_000);
      const [small, large] = [timeOf(60_000), timeOf(600_000)];
      expect(large, seed.slice(0, 20)).toBeLessThan(Math.max(small, 2) * 60 + SLOW_MS);
    }
  });

  it("is given back to others every few milliseconds", async () => {
    const text = `${"const token = process.env.TOKEN ?? readFile(path);\n".repeat(20_000)}${TOKEN}\n`
      .repeat(2)
      .slice(-2 * MEGABYTE);
    let [longestMs, lastMs, turns] = [0, performance.now(), 0];
    const timer = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs);
      lastMs = performance.now();
      turns += 1;
    }, 1);
    const kept = await KEEPER.keepInSlices({ text });
    clearInterval(timer);
    expect(kept.text).not.toContain(TOKEN);
    expect(turns).toBeGreaterThan(2);
    console.log(`2 MB in slices: loop ${longestMs.toFixed(0)} ms at worst`);
  });
});

function filesIn(path: string): readonly string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
