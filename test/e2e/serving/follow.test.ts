import { describe, expect, it } from "vitest";
import type { LiveEvent } from "../../../src/task/events/live-event.ts";
import { realCodex } from "../../support/real-codex.ts";
import { waitFor } from "../../support/wait-for.ts";
import { watchEvents } from "../../support/watch-events.ts";
import { tempWorkspace } from "../../support/workspace.ts";

/** The commands that were seen to end, by what they print. */
function printed(events: readonly LiveEvent[]): readonly string[] {
  return events.flatMap((event) =>
    event.kind === "item" && event.phase === "completed" && event.body.kind === "command" ? [event.body.output] : [],
  );
}

describe("a run that is followed", () => {
  it("is told live, each number once, over a coordinator that is killed in the middle of it", async () => {
    const workspace = await tempWorkspace({ codex: await realCodex({ shellSnapshot: false }) });
    const first = workspace.serve();
    await first.url();
    const seen = watchEvents(workspace);
    workspace.drop(
      "docs/follow.md",
      "Follow me. [[shell: echo first]] [[shell: until [ -e go ]; do sleep 0.05; done; echo second]] [[shell: echo third]] [[final: Done.]]\n",
    );
    const id = (await first.saw("accepted")).field("task") ?? "";
    const follower = workspace.command("log", "-f", id.slice(-6));
    await waitFor(() => printed(seen.events).length > 0, { what: "the first command", timeoutMs: 20_000 });

    const running = await workspace.command("log", id);
    expect(running).toMatchObject({ code: 0, stdout: expect.stringContaining("first") });
    expect(running.stdout).toMatch(/running \(run 1\); -f follows it\n$/);
    expect((await workspace.command("log", "--raw", id)).stdout).toMatch(/^\{"type":"thread\.started"/);

    await first.kill();
    const alone = await workspace.command("log", "docs"); // Nobody serves: the files of the run are read.
    expect(alone).toMatchObject({ code: 0, stdout: expect.stringMatching(/Follow me\.[\s\S]*first/) });

    const second = workspace.serve();
    await second.url();
    workspace.repo.write("go", "");
    await second.saw("committed", 1, 30_000);
    await waitFor(() => seen.events.some(({ kind }) => kind === "committed"), { what: "the end" });
    const numbers = seen.events.map(({ seq }) => seq);
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    expect(printed(seen.events).map((text) => text.trim())).toEqual(["first", "second", "third"]);
    const states = seen.events.flatMap((event) => (event.kind === "state" ? [event.status] : []));
    expect(states).toEqual(["running", "succeeded"]);
    expect(seen.events.filter(({ kind }) => kind === "reload")).toEqual([]);

    const followed = await follower;
    expect(followed).toMatchObject({ code: 0, stderr: "" });
    for (const word of ["first", "second", "third", "Done."])
      expect([word, followed.stdout.split("\n").filter((line) => line.trim() === word).length]).toEqual([word, 1]);
    expect(followed.stdout).toMatch(/\] end: succeeded\n\[[^\n]*\] succeeded\n$/);

    const whole = await workspace.command("log", "--json", id);
    const { entries, leftOut, status } = JSON.parse(whole.stdout);
    expect([leftOut, status]).toEqual([0, "succeeded"]);
    const kinds = entries.map(({ body }: { body: { kind: string } }) => body.kind);
    expect(kinds).toEqual(["user", "command", "command", "command", "assistant", "end"]);
    expect((await workspace.command("log", "-n", "2", "docs")).stdout).toMatch(
      /^\[… 4 earlier[^\n]*\n\[[^\n]*assistant\n/,
    );
    expect((await workspace.command("log", "--raw", id)).code).toBe(3);
  });

  it("without a coordinator says so, once nothing more comes", async () => {
    const workspace = await tempWorkspace();
    workspace.drop("docs/later.md", "---\nnotBefore: 2099-01-01T00:00:00Z\n---\nLater.\n");
    await workspace.serveUntilIdle({ code: 75 });
    const [name = ""] = workspace.stateFiles("journal/open");
    const id = name.replace(/\.jsonl$/, "");
    expect(await workspace.command("log", "-f", id)).toMatchObject({
      ...{ code: 75, stdout: "" },
      stderr: `${id} is queued, and nobody serves this workspace; start with: codex-inbox serve\n`,
    });
    expect((await workspace.command("log", id)).stdout).toBe("queued: not before 2099-01-01T00:00:00Z\n");
    expect((await workspace.command("log", "nowhere")).code).toBe(3);
  });
});
