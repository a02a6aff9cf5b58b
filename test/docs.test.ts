import { existsSync, globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { CHECKS } from "../src/app/doctor/check-table.ts";
import { presentTaskFile } from "../src/app/views/task-view.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

describe("docs/architecture.md", () => {
  const text = readFileSync(`${ROOT}docs/architecture.md`, "utf8").replaceAll(/```.*?```/gs, "");
  const files = globSync("{src,bin,test}/**/*.{ts,js,sh}", { cwd: ROOT });
  const named = (part: string): readonly string[] => codeSpans(part).filter((span) => /\.(ts|js|sh)$/.test(span));

  it("names files that are there", () => {
    const isThere = (name: string): boolean => files.some((file) => file === name || file.endsWith(`/${name}`));
    expect(named(text).length).toBeGreaterThan(30);
    expect(named(text).filter((name) => !isThere(name))).toEqual([]);
  });

  it("tells a task's way in at most thirty files", () => {
    const way = new Set(named(between(text, "## A task's way", "\n## ")));
    expect(way.size).toBeGreaterThan(20);
    expect(way.size).toBeLessThanOrEqual(30);
  });
});

describe("all pages", () => {
  it("hold no marks of a merge that was not settled", () => {
    const pages = globSync(["README.md", "docs/**/*.{md,json}"], { cwd: ROOT });
    expect(pages.length).toBeGreaterThan(50);
    expect(pages.filter((path) => /^(<{7} |={7}$|>{7} )/m.test(readFileSync(ROOT + path, "utf8")))).toEqual([]);
  });
});

describe("docs/spec.md", () => {
  const spec = readFileSync(`${ROOT}docs/spec.md`, "utf8");

  it("has every event of the log, and no other", () => {
    const written = new Set<string>();
    for (const path of globSync("src/**/*.ts", { cwd: ROOT })) {
      const code = readFileSync(ROOT + path, "utf8");
      for (const call of code.matchAll(/\b[lL]og\(\s*([^,{]+),/g)) {
        for (const [, event] of (call[1] ?? "").matchAll(/"([a-z-]+)"/g)) if (event !== undefined) written.add(event);
      }
    }
    expect(codeSpans(between(spec, "Events: ", "\n\n")).sort()).toEqual([...written].sort());
  });

  it("has every field of a task, and no other", () => {
    const task = presentTaskFile(
      {
        id: "",
        sessionKey: "",
        title: "",
        status: "queued",
        frontMatter: {},
        asked: {},
        prompt: "",
        result: undefined,
      },
      "",
    );
    expect(codeSpans(between(spec, "A task: ", ";")).sort()).toEqual(Object.keys(task).sort());
  });

  it("says nothing twice", () => {
    const long = spec.split("\n").filter((line) => line.length > 60);
    expect(long.filter((line, index) => long.indexOf(line) !== index)).toEqual([]);
  });
});

describe("docs/spec-doctor.md", () => {
  it("has every check, in its order, with what it says of itself", () => {
    const rows = readFileSync(`${ROOT}docs/spec-doctor.md`, "utf8")
      .split("\n")
      .filter((line) => /^\| `[a-z-]+` \| .* \| .* \|$/.test(line));
    expect(rows).toEqual(CHECKS.map(({ name, what, why }) => `| \`${name}\` | ${what} | ${why} |`));
  });
});

describe("docs/security.md", () => {
  const rows = readFileSync(`${ROOT}docs/security.md`, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .filter(([, who]) => who !== "Who");

  it("names, in each row of attacks, tests that are there", () => {
    const attacks = rows.filter((cells) => cells.length === 6);
    expect(attacks.length).toBeGreaterThan(30);
    for (const [, , attack = "", , tests = ""] of attacks) {
      const paths = codeSpans(tests);
      expect(paths.length, attack).toBeGreaterThan(0);
      expect(
        paths.filter((path) => !/^test\/.*\.test\.ts$/.test(path) || !existsSync(ROOT + path)),
        attack,
      ).toEqual([]);
    }
  });
});

function between(text: string, from: string, to: string): string {
  const start = text.indexOf(from);
  const end = text.indexOf(to, start);
  return text.slice(start, end < 0 ? undefined : end);
}

function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].flatMap((match) => match[1] ?? []);
}
