import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCommand } from "../support/coordinator-process.ts";
import { realCodex } from "../support/real-codex.ts";
import { tempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";
import { type TestWorkspace, tempWorkspace } from "../support/workspace.ts";

const JSON_TYPE = { "content-type": "application/json" };

async function listed(workspace: TestWorkspace): Promise<readonly Record<string, unknown>[]> {
  return JSON.parse((await workspace.command("ls", "--json")).stdout).tasks;
}

describe("submitting by commands", () => {
  it("starts a session with the real codex, sends it the next prompt, and lists both", async () => {
    const codex = await realCodex();
    const workspace = await tempWorkspace({ codex });
    const serving = workspace.serve();
    await serving.url();
    const started = await workspace.command("start", "--session", "birds", "The word is plover. [[final: noted]]");
    const [first = "", thread = ""] = started.stdout.split("\n");
    expect(started).toMatchObject({ code: 0, stderr: "", stdout: `${first}\n${thread}\n` });
    const sent = await workspace.command("send", "bird", "What was the word? [[transcript]]");
    expect(sent).toMatchObject({ code: 0, stderr: "" });
    const tasks = await waitFor(
      async () => {
        const found = await listed(workspace);
        return found.every(({ status }) => status === "succeeded") ? found : undefined;
      },
      { what: "both results" },
    );
    expect(tasks).toMatchObject([
      { id: sent.stdout.trim(), thread, sessionKey: "birds", result: expect.stringContaining("plover") },
      { id: first, thread, sessionKey: "birds", origin: "cli" },
    ]);
    const again = await workspace.command("start", "--session", "birds", "Anew.");
    expect(again).toMatchObject({ code: 4, stdout: "", stderr: expect.stringContaining("codex-inbox send birds") });
  });

  it("edits a queued task with and without a coordinator, by flags and in an editor, wherever -C stands", async () => {
    const workspace = await tempWorkspace();
    const later = ["--not-before", "+1d", "--priority", "3"];
    const id = (await workspace.command("add", ...later, "--session", "docs", "Old. [[final: ok]]")).stdout.trim();
    const edited = await workspace.command("edit", id.slice(-6), "--title", "In the inbox"); // Nobody has taken it yet.
    expect(edited).toMatchObject({ code: 0, stdout: `${id}\n`, stderr: expect.stringContaining("waits in inbox/") });

    const serving = workspace.serve();
    await serving.saw("accepted");
    expect(await listed(workspace)).toMatchObject([{ id, title: "In the inbox", priority: 3, status: "queued" }]);
    expect(await workspace.command("edit", id, "--priority", "1")).toMatchObject({ code: 0, stderr: "" });
    const refused = await workspace.command("edit", id, "--sandbox", "danger-full-access");
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining("policy set sandbox") });
    await serving.kill();

    const editor = join(tempDir(), "editor");
    writeFileSync(editor, "#!/bin/sh\nsed -i 's/^Old/New/; /^notBefore/d' \"$1\"\n");
    chmodSync(editor, 0o700);
    const environment = { PATH: process.env.PATH ?? "", HOME: workspace.home, EDITOR: editor };
    const byHand = await runCommand(tempDir(), ["edit", id, "-C", workspace.dir], environment);
    expect(byHand).toMatchObject({ code: 0, stdout: `${id}\n` });
    await workspace.serveUntilIdle();
    expect(workspace.results.task("New.")).toMatchObject({ id, title: "In the inbox", status: "succeeded" });
    expect(workspace.stateFiles("drop-receipts")).toEqual([]);
    const ended = await workspace.command("edit", id, "--priority", "0");
    expect(ended).toMatchObject({ code: 4, stderr: expect.stringContaining("only a queued task can be edited") });
  });
});

describe("an idempotency key", () => {
  it("makes one task of what is sent again after a kill -9", async () => {
    const workspace = await tempWorkspace();
    const body = JSON.stringify({ prompt: "Once. [[final: ok]]", sessionKey: "docs" });
    const headers = { ...JSON_TYPE, "idempotency-key": "8e03978e-40d5-43dd-bc93-6894a57f9324" };
    const first = workspace.serve();
    const accepted = await first.ask("/tasks", { method: "POST", headers, body });
    const { id } = (await accepted.json()) as { readonly id: string };
    await first.kill();
    const second = workspace.serve();
    const again = await second.ask("/tasks", { method: "POST", headers, body });
    expect([accepted.status, again.status, await again.json()]).toMatchObject([202, 200, { id }]);
    const other = await second.ask("/tasks", { method: "POST", headers, body: JSON.stringify({ prompt: "Other." }) });
    expect([other.status, await other.json()]).toMatchObject([422, { error: { code: "KEY_REUSED" } }]);
    await waitFor(async () => ((await listed(workspace))[0]?.committed === true ? true : undefined), {
      what: "the result",
    });
    expect(await listed(workspace)).toHaveLength(1);
    expect((await second.ask("/openapi.json")).status).toBe(200);
  });
});
