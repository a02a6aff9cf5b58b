import { CoordinatorError } from "../base/errors.ts";
import type { Branch } from "../git/branch.ts";
import { movedLinks } from "../task/ledger/ledger.ts";
import { isDatedFolder } from "../task/names/session-key.ts";
import { archiveCommitMessage } from "../task/records/commit-message.ts";
import type { CommitPlan, FileEdit } from "../task/records/commit-plan.ts";
import {
  archivedSessionFolder,
  LEDGER,
  ROTATED_LEDGERS,
  sessionFactsPath,
  sessionFolder,
  TRANSCRIPT,
} from "../task/records/workspace-paths.ts";
import { appendFacts, foldFacts, parseFacts } from "../task/session/session-facts.ts";
import { asKept, asKeptText, type KeptText } from "../task/text/kept-text.ts";

/**
 * Stays in each folder that loses its files: git takes a folder without any for renamed, and then a file that another clone has added
 * there is a conflict (merge.directoryRenames).
 */
const LEFT_BEHIND = "archived.md";

/**
 * Returns the commit that archives a session, or takes it out of the archive again. Its tasks and transcripts move to `archive/<date>`; its
 * facts stay, and an empty transcript: what another clone adds to them merges. Taken out, the session goes on, and its files stay. The commit
 * is not made (`TRY_AGAIN`) where the branch does not hold by then what is to be moved: a reset may have taken it back.
 */
export async function buildArchiveCommit(
  branch: Pick<Branch, "readText" | "listFolder">,
  key: KeptText,
  archived: boolean,
  nowMs: number,
): Promise<CommitPlan> {
  const time = new Date(nowMs).toISOString();
  const edits: FileEdit[] = [factEdit(key, archived, time)];
  if (archived) edits.push(...(await moves(branch, key, asKeptText(time.slice(0, 10)))));
  return { label: `archive: ${key}`, message: archiveCommitMessage(key, archived), edits };
}

function factEdit(key: KeptText, archived: boolean, time: string): FileEdit {
  return {
    path: sessionFactsPath(key),
    apply: (current) => {
      const { counter, archived: isArchived } = foldFacts(parseFacts(current ?? ""));
      if (isArchived === archived) return "unchanged";
      return appendFacts(current, asKept([{ v: 1, n: counter + 1, time, kind: "archived", archived }]));
    },
  };
}

async function moves(
  branch: Pick<Branch, "readText" | "listFolder">,
  key: KeptText,
  date: KeptText,
): Promise<readonly FileEdit[]> {
  const from = sessionFolder(key);
  const to = archivedSessionFolder(date, key);
  const edits: FileEdit[] = [];
  const days = new Set<string>();
  const move = async (path: string, left: "absent" | KeptText): Promise<void> => {
    const text = await branch.readText(`${from}/${path}`);
    if (text === undefined || text === "") return;
    const kept = asKeptText(text); // The branch has it.
    let isMoved = false;
    edits.push({
      path: asKeptText(`${to}/${path}`),
      apply(current) {
        const result = joined(current, kept);
        isMoved = result === "unchanged";
        return result;
      },
    });
    const changed = `somebody has changed ${from}/${path} in the branch meanwhile: try again`;
    edits.push({
      path: asKeptText(`${from}/${path}`),
      apply(now) {
        if (now === text) return left;
        if (!isMoved) throw new CoordinatorError("TRY_AGAIN", changed);
        return "unchanged";
      },
    });
  };
  for (const { name, kind } of await branch.listFolder(from)) {
    if (kind === "file" && name.endsWith(".md")) await move(name, "absent");
    if (kind === "file" || !(isDatedFolder(name) || name === "transcript")) continue;
    for (const { name: file } of await branch.listFolder(`${from}/${name}`))
      if (file !== LEFT_BEHIND) await move(`${name}/${file}`, "absent");
    const text = asKeptText(`Archived: these files are in ${to}/${name}.\n`);
    edits.push({ path: asKeptText(`${from}/${name}/${LEFT_BEHIND}`), apply: () => text });
    if (isDatedFolder(name)) days.add(name.slice(0, "2026-11-20".length));
  }
  await move(TRANSCRIPT, asKeptText(""));
  const relink = (path: string, up: string): FileEdit => ({
    path: asKeptText(path),
    apply: (current) => (current === undefined ? "unchanged" : movedLinks(current, from, to, up)),
  });
  edits.push(relink(LEDGER, ""));
  for (const day of [...days, dayOfOwn(key)])
    for (const { name } of day === undefined ? [] : await branch.listFolder(`${ROTATED_LEDGERS}/${day}`))
      edits.push(relink(`${ROTATED_LEDGERS}/${day}/${name}`, "../../"));
  return edits;
}

/** Archived twice on one day: what is there stays, and the rest comes behind it. */
function joined(current: string | undefined, text: KeptText): KeptText | "unchanged" {
  if (current === undefined) return text;
  return current.includes(text) ? "unchanged" : asKeptText(current + text);
}

/** The day of the task that the session was made for. */
function dayOfOwn(key: string): string | undefined {
  const [folder = ""] = key.split("/");
  return isDatedFolder(folder) ? folder.slice(0, "2026-11-20".length) : undefined;
}
