import { describe, expect, it } from "vitest";
import { createTaskFolders } from "../../../src/store/branch/task-folders.ts";

const ID = "20261120-101010-abcdef";

/** The folder alone of each place. */
function chooser(branch: Parameters<typeof createTaskFolders>[0]) {
  const folders = createTaskFolders(branch);
  const folderOf = async (session: string | undefined, id: string): Promise<string | undefined> =>
    (await folders.place(id, session, "fix")).path.split("/").at(session === undefined ? -3 : -2);
  return {
    forTask: (session: string, id: string) => folderOf(session, id),
    forOwnSession: (id: string) => folderOf(undefined, id),
  };
}

/** Folders that hold so many entries; what is asked of them is counted. */
function branchWith(folders: Readonly<Record<string, number>>) {
  const asked: string[] = [];
  return {
    asked,
    async listFolder(path: string) {
      asked.push(path);
      const count = folders[path];
      if (count !== undefined)
        return Array.from({ length: count }, (_, n) => ({ name: `${n}`, kind: "file" as const }));
      const below = Object.keys(folders).filter((name) => name.startsWith(`${path}/`));
      return below.map((name) => ({ name: name.slice(path.length + 1), kind: "folder" as const }));
    },
  };
}

describe("the folder of a task", () => {
  it("is that of the day of its id, until it has a thousand entries", async () => {
    const folders = chooser(branchWith({}));
    for (let n = 0; n < 1_000; n += 1) expect(await folders.forTask("docs", ID)).toBe("2026-11-20");
    for (let n = 0; n < 1_000; n += 1) expect(await folders.forTask("docs", ID)).toBe("2026-11-20-2");
    expect(await folders.forTask("docs", ID)).toBe("2026-11-20-3");
    expect(await folders.forTask("other", ID)).toBe("2026-11-20");
    expect(await folders.forTask("docs", "20261121-101010-abcdef")).toBe("2026-11-21");
  });

  it("goes on where the branch left off", async () => {
    const folders = chooser(branchWith({ "sessions/docs/2026-11-20": 1_000, "sessions/docs/2026-11-20-2": 998 }));
    expect(await folders.forTask("docs", ID)).toBe("2026-11-20-2");
    expect(await folders.forTask("docs", ID)).toBe("2026-11-20-2");
    expect(await folders.forTask("docs", ID)).toBe("2026-11-20-3");
  });

  it("is found without asking the branch twice", async () => {
    const branch = branchWith({ "sessions/docs/2026-11-20": 3 });
    const folders = chooser(branch);
    await folders.forTask("docs", ID);
    const asked = branch.asked.length;
    for (let n = 0; n < 50; n += 1) await folders.forTask("docs", ID);
    expect(branch.asked).toHaveLength(asked);
  });

  it("is counted anew for a session that nothing was heard of for long", async () => {
    const branch = branchWith({});
    const folders = chooser(branch);
    for (let n = 0; n < 501; n += 1) await folders.forTask(`s${n}`, ID);
    branch.asked.length = 0;
    await folders.forTask("s500", ID);
    expect(branch.asked).toEqual([]);
    await folders.forTask("s0", ID);
    expect(branch.asked).not.toEqual([]);
  });
});

describe("the folder of sessions that are made for one task", () => {
  it("holds a thousand of a day, too", async () => {
    const folders = chooser(branchWith({ "sessions/2026-11-20": 1_000 }));
    expect(await folders.forOwnSession(ID)).toBe("2026-11-20-2");
    expect(await folders.forOwnSession("20261121-101010-abcdef")).toBe("2026-11-21");
  });
});

it("holds files that are named after time and title, and one folder holds the session of a task that names none", async () => {
  const folders = createTaskFolders(branchWith({}));
  expect(await folders.place(ID, "docs", "fix-login")).toEqual({
    session: "docs",
    path: "sessions/docs/2026-11-20/101010-fix-login-abcdef.md",
  });
  expect(await folders.place(ID, undefined, "fix-login")).toEqual({
    session: "2026-11-20/101010-fix-login-abcdef",
    path: "sessions/2026-11-20/101010-fix-login-abcdef/101010-fix-login-abcdef.md",
  });
});
