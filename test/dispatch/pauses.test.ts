import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openPauseStore, watchPauses } from "../../src/dispatch/pauses.ts";
import { describePause, takerOf } from "../../src/task/schedule/pause.ts";
import { tempDir } from "../support/temp-dir.ts";

const NOW = Date.UTC(2026, 10, 20, 14, 15, 30);

describe("a pause", () => {
  it("lasts until it is taken back, whoever looks", () => {
    const dir = join(tempDir(), "paused");
    expect(openPauseStore(dir).read().of("docs")).toBeUndefined();
    openPauseStore(dir).pause(undefined, "a release", NOW);
    expect(openPauseStore(dir).read().of("docs")).toEqual({ session: undefined, sinceMs: NOW, reason: "a release" });
    openPauseStore(dir).resume(undefined);
    expect(openPauseStore(dir).read().of("docs")).toBeUndefined();
  });

  it("of a session is for that one alone", () => {
    const box = openPauseStore(tempDir());
    box.pause("docs/api", undefined, NOW);
    const pauses = box.read();
    expect(pauses.of("docs/api")).toEqual({ session: "docs/api", sinceMs: NOW, reason: undefined });
    expect([pauses.of("docs"), pauses.of("docs-api"), pauses.queue]).toEqual([undefined, undefined, undefined]);
    expect(pauses.sessions).toHaveLength(1);
  });

  it("of the whole queue and one of a session do not undo each other", () => {
    const box = openPauseStore(tempDir());
    box.pause("docs", "mine", NOW);
    box.pause(undefined, "ours", NOW);
    expect(box.read().of("docs")?.reason).toBe("ours");
    box.resume(undefined);
    expect(box.read().of("docs")?.reason).toBe("mine");
  });

  it("is what holds a session that somebody has taken, until they release it; one of before goes on then", () => {
    const box = openPauseStore(tempDir());
    const [taken] = [box.take("docs", "ada", NOW)];
    expect(taken).toEqual({ session: "docs", sinceMs: NOW, reason: undefined, takenBy: "ada" });
    expect(describePause(taken)).toBe("session docs is taken by ada since 2026-11-20T14:15:30Z");
    expect(takerOf(box.read(), "docs")).toBe("ada");
    expect(box.take("docs", "ada", NOW + 1)).toEqual(taken);
    expect(() => box.take("docs", "bob", NOW)).toThrow(
      "session docs is taken by ada since 2026-11-20T14:15:30Z; codex-inbox attach --release docs ends that",
    );
    expect([box.release("docs"), box.release("docs"), box.read().of("docs")]).toEqual([true, false, undefined]);

    const paused = box.pause("docs", "a release", NOW);
    box.take("docs", "ada", NOW);
    expect(box.pause("docs", undefined, NOW).takenBy).toBe("ada");
    expect([box.release("docs"), box.read().of("docs")]).toEqual([true, paused]);
    // Paused while it is taken: that stays.
    box.resume("docs");
    box.take("docs", "ada", NOW);
    box.pause("docs", "later", NOW);
    box.release("docs");
    expect(box.read().of("docs")?.reason).toBe("later");
  });

  it("takes a name as long as a session's can be", () => {
    const key = Array.from({ length: 4 }, () => "x".repeat(64)).join("/");
    const box = openPauseStore(tempDir());
    box.pause(key, undefined, NOW);
    expect(box.read().of(key)?.session).toBe(key);
  });

  it("that is made again keeps its time, and its reason unless it is given another", () => {
    const box = openPauseStore(tempDir());
    box.pause(undefined, "one", NOW);
    expect(box.pause(undefined, undefined, NOW + 9)).toEqual({ session: undefined, sinceMs: NOW, reason: "one" });
    expect(box.pause(undefined, "two\nlines", NOW + 9).reason).toBe("two lines");
    expect(box.read().queue).toEqual({ session: undefined, sinceMs: NOW, reason: "two lines" });
    expect(box.pause(undefined, " ", NOW + 9).reason).toBeUndefined();
  });

  it("is for nobody else to read or change", () => {
    const dir = join(tempDir(), "paused");
    openPauseStore(dir).pause(undefined, undefined, NOW);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(readdirSync(dir)).toEqual(["queue.json"]);
  });

  it("that is not there is taken back without complaint", () => {
    const box = openPauseStore(join(tempDir(), "never-made"));
    box.resume(undefined);
    box.resume("docs");
    expect(box.read().queue).toBeUndefined();
  });
});

describe("a file that cannot be read", () => {
  it.each([
    { name: "empty", text: "" },
    { name: "cut off", text: '{"v":1,"session":null,"sin' },
    { name: "no object", text: "null" },
    { name: "of a later version", text: '{"v":2,"until":"tomorrow"}' },
    { name: "without a time", text: '{"v":1,"session":null,"since":"soon","reason":null}' },
    { name: "about a session", text: '{"v":1,"session":"docs","since":"2026-11-20T14:15:30.000Z","reason":null}' },
  ])("pauses what its name says, and says what to do: $name", ({ text }) => {
    const dir = tempDir();
    writeFileSync(join(dir, "queue.json"), text);
    const box = openPauseStore(dir);
    expect(box.read().of("docs")?.reason).toBe(
      `${dir}/queue.json cannot be read, which counts as paused; codex-inbox resume removes it`,
    );
    box.resume(undefined);
    expect(box.read().of("docs")).toBeUndefined();
  });

  it("pauses the session it was made for, and no other", () => {
    const dir = tempDir();
    const box = openPauseStore(dir);
    box.pause("docs", "why", NOW);
    const [name = ""] = readdirSync(dir);
    writeFileSync(join(dir, name), "{");
    expect(box.read().of("docs")?.reason).toContain("cannot be read");
    expect(box.read().of("other")).toBeUndefined();
    expect(box.pause("docs", undefined, NOW).reason).toBeUndefined();
    expect(box.read().of("docs")).toEqual({ session: "docs", sinceMs: NOW, reason: undefined });
  });

  it("counts also where it is a pipe, which nobody waits for, or a folder; to resume removes either", () => {
    const dir = tempDir();
    const box = openPauseStore(dir);
    const path = join(dir, "queue.json");
    for (const make of [() => spawnSync("mkfifo", [path]), () => mkdirSync(path)]) {
      make();
      expect(box.read().of("docs")?.reason).toContain("queue.json cannot be read");
      box.resume(undefined);
      expect(box.read().queue).toBeUndefined();
    }
  });

  it("counts also where the folder itself is none", () => {
    const dir = join(tempDir(), "paused");
    writeFileSync(dir, "");
    expect(openPauseStore(dir).read().of("docs")?.reason).toContain("cannot be read");
  });

  it("of another name says nothing: an editor's copy, half a file of ours", () => {
    const dir = tempDir();
    for (const name of [".abc.tmp", "queue.json~", "session-docs.json"]) writeFileSync(join(dir, name), "{");
    expect(openPauseStore(dir).read().of("docs")).toBeUndefined();
  });
});

it("a coordinator's log tells each change once", () => {
  const dir = tempDir();
  const box = openPauseStore(dir);
  const said: string[] = [];
  const look = watchPauses(box, (event, { session, reason }) => said.push([event, session, reason].join(" ")));
  look();
  const pause = box.pause("docs", "why", NOW);
  look();
  look();
  expect(said).toEqual([`paused docs ${describePause(pause)}`]);
  box.pause("docs", "because", NOW);
  look();
  box.resume("docs");
  look();
  look();
  expect(said.slice(1)).toEqual([
    "paused docs session docs is paused since 2026-11-20T14:15:30Z: because",
    "resumed docs ",
  ]);
  rmSync(dir, { recursive: true });
  expect(look().queue).toBeUndefined();
});
