/** The form that hands in a task, with the keys that people set; a task file knows more of them. */
import { go } from "./address.js";
import { get, post } from "./api.js";
import { h, say } from "./dom.js";

const NUMBER = { inputmode: "numeric", pattern: "[0-9]*" };

/** @returns {{ open: (session?: string) => Promise<void> }} */
export function createForm() {
  let dialog;
  let key = crypto.randomUUID();

  const field = (name, label, element, hint) => {
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
  };
  const input = (properties = {}) =>
    h("input", { type: "text", autocomplete: "off", spellcheck: "false", ...properties });
  const select = (...options) => h("select", {}, ...options.map(([value, text]) => h("option", { value }, text)));

  const build = () => {
    const sessions = h("datalist", { id: "known-sessions" });
    const error = h("p", { class: "problem failed", role: "alert", tabindex: "-1", hidden: true });
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", { id: "new-title-of-form" }, "New task"),
      error,
      field(
        "prompt",
        "Prompt",
        h("textarea", { rows: 7, required: true }),
        "Markdown. Its first heading or line is the title.",
      ),
      h(
        "div",
        { class: "pair" },
        field("sessionKey", "Session", input({ list: "known-sessions" }), "Empty: a session of its own"),
        field("verifyCommand", "Verify command", input(), "Runs after the agent; its exit code decides"),
      ),
      sessions,
      h(
        "details",
        {},
        h("summary", {}, "More"),
        h("div", { class: "pair" }, field("title", "Title", input()), field("model", "Model", input())),
        h(
          "div",
          { class: "pair" },
          field(
            "sandbox",
            "Sandbox",
            select(
              ["", "as the policy says"],
              ["read-only", "read-only"],
              ["workspace-write", "workspace-write"],
              ["danger-full-access", "danger-full-access"],
            ),
          ),
          field(
            "priority",
            "Priority",
            select(["", "2 (usual)"], ["0", "0 (first)"], ["1", "1"], ["3", "3"], ["4", "4 (last)"]),
          ),
        ),
        h(
          "div",
          { class: "pair" },
          field("timeout", "Time limit, minutes", input(NUMBER)),
          field("maxAttempts", "Attempts", input(NUMBER)),
        ),
        h(
          "div",
          { class: "pair" },
          field("notBefore", "Not before", h("input", { type: "datetime-local" })),
          field("dependsOn", "Depends on", input(), "Ids, with commas"),
        ),
        field("images", "Images", input(), "Paths, with commas"),
      ),
      h(
        "p",
        { class: "actions" },
        h("button", { type: "button", class: "plain", onclick: () => dialog.close() }, "Cancel"),
        h("button", { type: "submit", class: "primary" }, "Hand in"),
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit(form, error);
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    dialog = h("dialog", { "aria-labelledby": "new-title-of-form" }, form);
    document.body.append(dialog);
  };

  const submit = async (form, error) => {
    error.hidden = true;
    const button = form.querySelector("button[type=submit]");
    button.disabled = true;
    try {
      const made = await post("/tasks", asked(new FormData(form)), { "Idempotency-Key": key });
      key = crypto.randomUUID();
      form.reset();
      dialog.close();
      say(`Accepted: ${made.title}`);
      go({ task: made.id });
    } catch (refused) {
      error.textContent = refused.message;
      error.hidden = false;
      error.focus();
      if (refused.status !== 0) key = crypto.randomUUID(); // What was refused is corrected: another task.
    } finally {
      button.disabled = false;
    }
  };

  return {
    async open(session) {
      if (dialog === undefined) build();
      if (dialog.open) return;
      dialog.showModal();
      dialog.querySelector("textarea").focus();
      const place = dialog.querySelector("[name=sessionKey]");
      if (session !== undefined && place.value === "") place.value = session;
      const sessions = await get("/sessions").catch(() => []);
      dialog.querySelector("datalist").replaceChildren(
        ...sessions
          .filter(({ archived }) => !archived)
          .slice(0, 100)
          .map(({ key: name }) => h("option", { value: name })),
      );
    },
  };
}

/** @param {FormData} data */
function asked(data) {
  const text = (name) => String(data.get(name) ?? "").trim();
  const list = (name) =>
    text(name)
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
  const task = { prompt: String(data.get("prompt")) };
  for (const name of ["sessionKey", "verifyCommand", "title", "model", "sandbox"])
    if (text(name) !== "") task[name] = text(name);
  for (const name of ["priority", "maxAttempts"]) if (text(name) !== "") task[name] = Number(text(name));
  for (const name of ["dependsOn", "images"]) if (list(name).length > 0) task[name] = list(name);
  if (text("timeout") !== "") task.timeoutMs = Number(text("timeout")) * 60_000;
  if (text("notBefore") !== "") task.notBefore = new Date(text("notBefore")).toISOString();
  return task;
}
