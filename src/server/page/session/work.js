/** What becomes of a session's work: who has taken it, whether it is landed, and what can be done about either. */
import { addressWith } from "../address.js";
import { post } from "../api.js";
import { button } from "../show/button.js";
import { h, say } from "../show/dom.js";
import { clock } from "../show/times.js";

/** Paths that are named. */
const PATHS_MAX = 8;
/** Characters of a commit's id. */
const COMMIT_SHOWN = 10;

/** What came of landing the work that a session had then, by session. @type {Map<string, { tip: string | undefined, landing: LandingView }>} */
const landings = new Map();
/** What is to be told to a session that settles a conflict, begun and not sent. @type {Map<string, string>} */
const drafts = new Map();

/** What is shown of the work of `session`; `undefined` where there is nothing to show. @param {SessionView | undefined} session */
export function workOf(session) {
  if (session === undefined) return undefined;
  const { key, takenBy } = session;
  const before = landings.get(key);
  const isSame = session.unlanded === null || before?.tip === session.unlanded.tip;
  const landing = isSame ? before?.landing : undefined;
  const isOver = landing?.state === "landed" || landing?.state === "nothing"; // The list of sessions may come later.
  const unlanded = isOver ? null : session.unlanded;
  if (takenBy === null && unlanded === null && landing === undefined) return undefined;
  return { key, takenBy, unlanded, landing };
}

/** @param {NonNullable<ReturnType<typeof workOf>>} work @param {() => Promise<unknown>} again */
export function sessionWork({ key, takenBy, unlanded, landing }, again) {
  const path = /** @type {const} */ (`/sessions/${encodeURIComponent(key)}`);
  const release = async () => {
    const { edited, left } = await post(`${path}/release`);
    say([`${key} is released.`, ...edits({ edited, left })].join(" "));
    await again();
  };
  /** @param {boolean} repair */
  const land = async (repair) => {
    const words = drafts.get(key);
    const answer = await post(`${path}/land`, repair ? { repair, words } : {});
    if (repair) drafts.delete(key);
    landings.set(key, { tip: unlanded?.tip, landing: answer });
    say(told(answer));
    await again();
  };
  const conflicts = landing?.state === "conflict" ? landing.conflicts : (unlanded?.conflicts ?? []);
  const isSettled = landing?.repairTask != null;
  return h(
    "div",
    { class: "work" },
    takenBy !== null &&
      line(
        [h("strong", {}, `Taken by ${takenBy}`), ", who works in its worktree: no task of it is started meanwhile"],
        button("Release", release, { class: "small", "data-focus": "release" }),
      ),
    unlanded !== null &&
      line(
        [h("strong", {}, "Not landed: "), ...distance(unlanded)],
        button("Land", () => land(false), { class: "small", "data-focus": "land" }),
      ),
    unlanded !== null && conflicts.length > 0 && !isSettled && repairForm(key, conflicts, () => land(true)),
    ...(unlanded?.overlaps ?? []).map(({ session, paths }) =>
      line([`Does not merge with the work of ${session}: `, ...named(paths)]),
    ),
    landing !== undefined && outcome(landing),
  );
}

/** @param {readonly import("../show/dom.js").Child[]} words @param {HTMLElement} [act] */
function line(words, act) {
  return h("p", {}, h("span", {}, ...words), act);
}

/** @param {import("../../../app/views/session-list.ts").UnlandedWork} work */
function distance({ branch, ahead, behind, committedAt }) {
  const commits = `${ahead} ${ahead === 1 ? "commit" : "commits"} on `;
  const others = behind === 0 ? "" : `, ${behind} behind what is checked out`;
  const since = h("span", { class: "quiet ago" }, "· ", clock(committedAt, "ago"));
  return [commits, h("code", {}, branch), others, " ", since];
}

/** @param {readonly string[]} paths */
function named(paths) {
  const more = paths.length - PATHS_MAX;
  const shown = paths.slice(0, PATHS_MAX).flatMap((path, at) => [at === 0 ? "" : ", ", h("code", {}, path)]);
  return [...shown, more > 0 && ` and ${more} more`];
}

/** @param {string} key @param {readonly string[]} conflicts @param {() => Promise<unknown>} repair */
function repairForm(key, conflicts, repair) {
  const field = h("input", {
    ...{ type: "text", "aria-label": "Words for the session", "data-focus": "words", autocomplete: "off" },
    placeholder: "Words for the session, if any",
  });
  field.value = drafts.get(key) ?? "";
  field.addEventListener("input", () => drafts.set(key, field.value));
  const made = button("Have the session settle it", repair, { class: "small", "data-focus": "repair" });
  return h(
    "div",
    { class: "conflict" },
    line([h("strong", {}, "Does not merge with what is checked out: "), ...named(conflicts)]),
    h("p", { class: "actions" }, field, made),
  );
}

/** @param {LandingView} landing */
function outcome(landing) {
  const { state, repairTask, command } = landing;
  if (state === "conflict" && repairTask === null)
    return line(["Nothing was changed: both have changed the same places."]);
  if (state === "conflict")
    return line([
      "The session settles it in ",
      h("a", { href: addressWith({ task: repairTask ?? "" }), "data-way": true }, repairTask),
      "; land it then.",
    ]);
  return line([
    told(landing),
    ...edits(landing).map((text) => ` ${text}`),
    command !== null && h("code", { class: "command" }, ` ${command}`),
  ]);
}

/** What was edited by hand in the worktree, and what of that is not in what landed. @param {Pick<LandingView, "edited" | "left">} view */
function edits({ edited, left }) {
  return [
    ...(edited === null ? [] : [`What was edited in its worktree is commit ${edited.slice(0, COMMIT_SHOWN)}.`]),
    ...(left === null ? [] : [`Not taken: ${left}.`]),
  ];
}

/** @param {LandingView} landing */
function told({ session, target, state, commit, why, repairTask }) {
  switch (state) {
    case "landed":
      return `Landed on ${target} (commit ${commit?.slice(0, COMMIT_SHOWN)}).`;
    case "nothing":
      return `${target} holds the work of ${session} already.`;
    case "ready":
      return `The merge into ${target} is made, but the checkout stays: ${why}. This moves it:`;
    default:
      return repairTask === null
        ? "It does not merge: nothing was changed."
        : `${session} settles it in ${repairTask}.`;
  }
}
