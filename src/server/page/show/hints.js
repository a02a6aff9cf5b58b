/** What to do about a task that did not succeed, by the name of its failure (docs/spec-failures.md). */

/** @type {Readonly<Record<string, string>>} */
const DO = {
  verification: "Read what the verify command printed, send a follow-up that says what to fix, or retry.",
  verifyUnavailable: "The verify command could not be begun: check its name and the sandbox, then retry.",
  timedOut: "Give it more time (timeoutMs), or split the task; then retry.",
  stalled: "Nothing came for too long. Retry; give it a larger stallTimeoutMs if its commands are silent for long.",
  notLoggedIn: "Log in with codex login; what waits then goes on by itself.",
  configuration: "Correct codex's configuration (config.toml), then retry.",
  unknownModel: "Name a model that your provider has, then retry.",
  usageLimit: "The account's limit was reached: retry after it has been reset.",
  quotaExceeded: "The account has no quota left: raise it, then retry.",
  badRequest: "The model's server did not take the request: see its words above, change the task, and retry.",
  contentRefused: "The model refuses this text: say it differently.",
  promptRefused: "The prompt is empty, too long or not UTF-8: change it.",
  sandboxDenied: "The sandbox did not allow it: allow more in the policy, or ask for less.",
  sandboxUnavailable: "Codex's sandbox does not work on this machine: see codex-inbox status.",
  threadNotFound: "Codex has lost this thread: retry, or begin another session.",
  threadForeign: "The thread belongs to another provider: begin another session.",
  stopped: "It was stopped. Retry starts it again.",
  outputUnusable: "The answer is not what outputSchema asks for: relax that, or say more in the prompt.",
  connection: "The model could not be reached: check the network, then retry.",
};

/** @param {Pick<TaskView, "status" | "failure" | "startedAt">} task */
export function whatToDo({ status, failure, startedAt }) {
  if (status !== "failed") return status === "cancelled" ? "It was stopped. Retry starts it again." : undefined;
  const known = failure !== null && Object.hasOwn(DO, failure) ? DO[failure] : undefined;
  if (known === undefined && startedAt === null) return "It was not begun: see to what is said here, then retry.";
  return known ?? "See its log for what happened; then retry, or send a follow-up to its session.";
}
