/** Forms beside a task: what comes next in its session, and another prompt while it waits. */
import { go } from "../address.js";
import { patch, post } from "../api.js";
import { once } from "../show/button.js";
import { h, say } from "../show/dom.js";

/** What was begun and not sent, by task. @type {Map<string, string>} */
const drafts = new Map();

/** @param {TaskView} task */
export function followUp({ sessionKey, id }) {
  const field = h("textarea", {
    ...{ id: `follow-${id}`, rows: 3, required: true },
    placeholder: "What comes next, in the same session",
  });
  field.value = drafts.get(id) ?? "";
  field.addEventListener("input", () => drafts.set(id, field.value));
  /** Sent again because nothing was answered, it is the same task. @type {{ prompt: string, key: string } | undefined} */
  let sent;
  const send = once(async () => {
    const prompt = field.value;
    if (prompt.trim() === "") return;
    if (sent?.prompt !== prompt) sent = { prompt, key: crypto.randomUUID() };
    const made = await post("/tasks", { prompt, sessionKey }, { "Idempotency-Key": sent.key });
    drafts.delete(id);
    field.value = "";
    sent = undefined;
    say("Sent");
    go({ task: made.id });
  });
  field.addEventListener("keydown", ({ key, ctrlKey, metaKey }) => {
    if (key === "Enter" && (ctrlKey || metaKey)) field.form?.requestSubmit();
  });
  return h(
    "section",
    { class: "block follow-up", "aria-label": "Follow-up" },
    h("h3", {}, h("label", { for: field.id }, "Follow-up")),
    h(
      "form",
      { onsubmit: send },
      field,
      h(
        "p",
        { class: "actions" },
        h("span", { class: "quiet" }, `goes on in ${sessionKey}`),
        h("button", { type: "submit" }, "Send"),
      ),
    ),
  );
}

/** @param {TaskDetails} task @param {() => Promise<void>} close */
export function editForm({ id, prompt }, close) {
  const field = h("textarea", { id: "edited", rows: 9, required: true });
  field.value = prompt ?? "";
  const save = once(async () => {
    await patch(`/tasks/${id}`, { prompt: field.value });
    say("Saved");
    await close();
  });
  return h(
    "section",
    { class: "block follow-up", "aria-label": "Edit" },
    h("h3", {}, h("label", { for: field.id }, "Prompt")),
    h(
      "form",
      { onsubmit: save },
      field,
      h(
        "p",
        { class: "actions" },
        h("button", { type: "button", class: "plain", onclick: close }, "Cancel"),
        h("button", { type: "submit", class: "primary" }, "Save"),
      ),
    ),
  );
}
