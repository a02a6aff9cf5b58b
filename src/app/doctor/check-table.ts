import type { Check } from "./check.ts";
import { attributesCheck } from "./checks/attributes.ts";
import { codexCheck, ownPlacesCheck, sandboxCheck } from "./checks/codex.ts";
import { branchCheck, cloneCheck, gitLocksCheck, lockCheck } from "./checks/coordinator.ts";
import { committedCheck, journalCheck } from "./checks/journal.ts";
import { ledgerCheck } from "./checks/ledger.ts";
import { indexCheck, refsCheck, repositoryCheck } from "./checks/repository.ts";
import { historyCheck, resultsCheck } from "./checks/results.ts";
import { claimsCheck, runsCheck } from "./checks/runs.ts";
import { sessionsCheck } from "./checks/sessions.ts";
import { inboxCheck, policyCheck, settingsCheck } from "./checks/settings.ts";
import { smallFilesCheck } from "./checks/small-files.ts";
import { leftoversCheck, stateFolderCheck } from "./checks/state-folder.ts";
import { transcriptsCheck } from "./checks/transcripts.ts";
import { worktreesCheck } from "./checks/worktrees.ts";

/** All that the doctor looks at, in this order: what others stand on comes first, and is repaired first. */
export const CHECKS: readonly Check[] = [
  stateFolderCheck,
  lockCheck,
  cloneCheck,
  smallFilesCheck,
  leftoversCheck,
  repositoryCheck,
  branchCheck,
  gitLocksCheck,
  attributesCheck,
  inboxCheck,
  settingsCheck,
  policyCheck,
  journalCheck,
  claimsCheck,
  runsCheck,
  worktreesCheck,
  committedCheck,
  ledgerCheck,
  resultsCheck,
  sessionsCheck,
  transcriptsCheck,
  historyCheck,
  refsCheck,
  indexCheck,
  codexCheck,
  sandboxCheck,
  ownPlacesCheck,
];
