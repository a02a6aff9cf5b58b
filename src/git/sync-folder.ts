import { open } from "node:fs/promises";

/** Makes the entries of a folder (absolute) durable without stopping the event loop. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
