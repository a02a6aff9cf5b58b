/** A task file that has not been published yet. */
export interface Drop {
  /** A task's id, which is the file's name as well: the coordinator need not wait for the file to rest. */
  readonly id: string;
  readonly text: string;
}

/** Later than any benchmark runs. */
export const NEVER = "2999-01-01T00:00:00Z";

let made = 0;

/** Makes a task that can run at once; every second one belongs to a named session. Ids are of today, and never made twice. */
export function nextDrop(): Drop {
  const { id, body } = nextTask();
  return { id, text: made % 2 === 0 ? body : `---\nsessionKey: bench-${Math.floor(made / 2) % 8}\n---\n${body}` };
}

/** Makes a task that is accepted and cannot run. */
export function nextHeldDrop(): Drop {
  const { id, body } = nextTask();
  return { id, text: `---\nnotBefore: ${NEVER}\n---\n${body}` };
}

/** Makes a task that the scripted model answers at once. */
export function nextRealDrop(): Drop {
  const { id, body } = nextTask();
  return { id, text: `${body}\n[[final: The check is faster now.]]\n` };
}

/** Makes `count` tasks with `make`. */
export function drops(count: number, make: () => Drop): readonly Drop[] {
  return Array.from({ length: count }, make);
}

function nextTask(): { readonly id: string; readonly body: string } {
  made += 1;
  const [day = "", time = ""] = new Date().toISOString().replaceAll(/[-:]/g, "").split(/[T.]/);
  const body = `# Make check ${made} faster\n\nThe check takes too long. Find out why and mend it.\n`;
  return { id: `${day}-${time}-z${made.toString(36).padStart(5, "0")}`, body };
}
