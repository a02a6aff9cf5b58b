/** The form that hands in a task, with the keys that people set; a task file knows more of them. */
import { go } from "./address.js";
import { get, post } from "./api.js";
import { h, say, within } from "./show/dom.js";

const NUMBER = { inputmode: "numeric", pattern: "[0-9]*" };
const SESSIONS_MAX = 100;

/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Field */

/** @returns {{ open: (session?: string) => Promise<void> }} */
export function createForm() {
  /** @type {HTMLDialogElement | undefined} */
  let dialog;
  let key = crypto.randomUUID();

  const close = () => dialog?.close();
  const build = () => {
    const error = h("p", { class: "problem failed", role: "alert", tabindex: "-1", hidden: true });
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", { id: "new-title-of-form" }, "New task"),
      error,
      ...fields(),
      h(
        "p",
        { class: "actions" },
        h("button", { type: "button", class: "plain", onclick: close }, "Cancel"),
        h("button", { type: "submit", class: "primary" }, "Hand in"),
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void submit(form, error);
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    const made = h("dialog", { "aria-labelledby": "new-title-of-form" }, form);
    document.body.append(made);
    return made;
  };

  /** @param {HTMLFormElement} form @param {HTMLElement} error */
  const submit = async (form, error) => {
    error.hidden = true;
    const button = /** @type {HTMLButtonElement} */ (within(form, "button[type=submit]"));
    button.disabled = true;
    try {
      const made = await post("/tasks", asked(new FormData(form)), { "Idempotency-Key": key });
      key = crypto.randomUUID();
      form.reset();
      close();
      say(`Accepted: ${made.title}`);
      go({ task: made.id });
    } catch (refused) {
      const { message, status } = /** @type {import("./api.js").ApiError} */ (refused);
      error.textContent = message;
      error.hidden = false;
      error.focus();
      if (status !== 0) key = crypto.randomUUID(); // What was refused is corrected: another task.
    } finally {
      button.disabled = false;
    }
  };

  return {
    async open(session) {
      dialog ??= build();
      if (dialog.open) return;
      dialog.showModal();
      within(dialog, "textarea").focus();
      const place = /** @type {HTMLInputElement} */ (within(dialog, "[name=sessionKey]"));
      if (session !== undefined && place.value === "") place.value = session;
      const sessions = await get("/sessions").catch(() => []);
      const names = sessions.filter(({ archived }) => !archived).slice(0, SESSIONS_MAX);
      within(dialog, "datalist").replaceChildren(...names.map(({ key: value }) => h("option", { value })));
    },
  };
}

function fields() {
  const pair = (/** @type {HTMLElement[]} */ ...two) => h("div", { class: "pair" }, ...two);
  const sandboxes = ["read-only", "workspace-write", "danger-full-access"].map((level) => [level, level]);
  const priorities = [["", "2 (usual)"], ["0", "0 (first)"], ["1"], ["3"], ["4", "4 (last)"]];
  const prompt = h("textarea", { rows: 7, required: true });
  return [
    field("prompt", "Prompt", prompt, "Markdown. Its first heading or line is the title."),
    pair(
      field("sessionKey", "Session", input({ list: "known-sessions" }), "Empty: a session of its own"),
      field("verifyCommand", "Verify command", input(), "Runs after the agent; its exit code decides"),
    ),
    h("datalist", { id: "known-sessions" }),
    h(
      "details",
      {},
      h("summary", {}, "More"),
      pair(field("title", "Title", input()), field("model", "Model", input())),
      pair(
        field("sandbox", "Sandbox", select([["", "as the policy says"], ...sandboxes])),
        field("priority", "Priority", select(priorities)),
      ),
      pair(field("timeout", "Time limit, minutes", input(NUMBER)), field("maxAttempts", "Attempts", input(NUMBER))),
      pair(
        field("notBefore", "Not before", h("input", { type: "datetime-local" })),
        field("dependsOn", "Depends on", input(), "Ids, with commas"),
      ),
      field("images", "Images", input(), "Paths, with commas"),
    ),
  ];
}

/** @param {string} name @param {string} label @param {Field} element @param {string} [hint] */
function field(name, label, element, hint) {
  element.id = `new-${name}`;
  element.name = name;
  if (hint !== undefined) element.setAttribute("aria-describedby", `hint-${name}`);
  return h(
    "p",
    { class: "field" },
    h("label", { for: element.id }, label),
    element,
    hint !== undefined && h("span", { class: "hint", id: `hint-${name}` }, hint),
  );
}

/** @param {Record<string, string>} [properties] */
function input(properties = {}) {
  return h("input", { type: "text", autocomplete: "off", spellcheck: "false", ...properties });
}

/** @param {readonly (readonly string[])[]} options values, and what they are called */
function select(options) {
  return h("select", {}, ...options.map(([value, text = value]) => h("option", { value }, text)));
}

/** What the form asks for, as `POST /tasks` takes it. @param {FormData} data */
function asked(data) {
  const text = (/** @type {string} */ name) => String(data.get(name) ?? "").trim();
  const list = (/** @type {string} */ name) =>
    text(name)
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
  /** @type {Record<string, string | number | string[]>} */
  const task = { prompt: String(data.get("prompt")) };
  for (const name of ["sessionKey", "verifyCommand", "title", "model", "sandbox"])
    if (text(name) !== "") task[name] = text(name);
  for (const name of ["priority", "maxAttempts"]) if (text(name) !== "") task[name] = Number(text(name));
  for (const name of ["dependsOn", "images"]) if (list(name).length > 0) task[name] = list(name);
  if (text("timeout") !== "") task.timeoutMs = Number(text("timeout")) * 60_000;
  if (text("notBefore") !== "") task.notBefore = new Date(text("notBefore")).toISOString();
  return task;
}
