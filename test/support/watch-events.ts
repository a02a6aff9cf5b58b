import { readFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { LiveEvent } from "../../src/task/events/live-event.ts";
import { askWith } from "./coordinator-process.ts";
import type { TestWorkspace } from "./workspace.ts";

/** Reads the events of whoever serves `workspace`, as a page does: it comes again with the last number that it has seen. */
export function watchEvents(workspace: TestWorkspace): { readonly events: readonly LiveEvent[] } {
  const events: LiveEvent[] = [];
  const left = new AbortController();
  onTestFinished(() => left.abort());
  let id = "";
  const read = async (): Promise<void> => {
    const { url, token } = JSON.parse(readFileSync(join(workspace.stateDir, "server.json"), "utf8"));
    const headers: Record<string, string> = id === "" ? {} : { "last-event-id": id };
    const response = await askWith(url, token)("/events", { headers, signal: left.signal });
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const frames = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
      rest = frames.pop() ?? "";
      for (const line of frames.flatMap((frame) => frame.split("\n"))) {
        if (line.startsWith("id: ")) id = line.slice(4);
        if (line.startsWith("data: ")) events.push(JSON.parse(line.slice(6)));
      }
    }
  };
  void (async () => {
    while (!left.signal.aborted) {
      await read().catch(() => undefined); // Nobody serves just now, or it was cut off.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return { events };
}
