/** One task: what was asked, what came of it, what it did, and what can be done about it. */
import { addressWith, go } from "./address.js";
import { get, patch, post } from "./api.js";
import { clock, commandLine, duration, h, localTime, reconcile, say, tokens } from "./dom.js";
import { whatToDo } from "./hints.js";
import { rendered } from "./markdown.js";
import { failed, stateName } from "./words.js";

/** Entries of a log that are shown; more are a command away. */
const ENTRIES = 300;
const OPEN = ["queued", "running", "verifying", "stopping"];

export function createTaskView() {
  const place = document.getElementById("detail");
  let shown;
  let asking;
  /** The task whose prompt is being changed. */
  let edited;

  const close = () => {
    asking?.abort();
    shown = undefined;
    place.hidden = true;
    place.replaceChildren();
  };

  /** @param {string} id */
  const open = async (id) => {
    const isOther = shown !== id;
    if (isOther) edited = undefined;
    if (isOther) {
      asking?.abort();
      shown = id;
      place.hidden = false;
      place.replaceChildren(h("p", { class: "quiet" }, "…"));
      place.scrollTop = 0;
    }
    asking = new AbortController();
    const { signal } = asking;
    try {
      const path = `/tasks/${encodeURIComponent(id)}`;
      const [task, log] = await Promise.all([
        get(path, { signal }),
        get(`${path}/log?last=${ENTRIES}`, { signal }).catch(noLog),
      ]);
      if (shown !== id) return;
      if (isOther) place.replaceChildren();
      show(task, log);
      if (isOther) place.querySelector("h2")?.focus({ preventScroll: true });
    } catch (error) {
      if (shown !== id || error.name === "AbortError") return;
      if (isOther) place.replaceChildren(h("p", { class: "nothing", role: "alert" }, error.message), closeButton());
    }
  };

  const show = (task, log) => {
    const isOpen = OPEN.includes(task.status);
    const parts = [
      { name: "head", of: [task.title, task.status, task.sessionKey], make: () => head(task) },
      { name: "facts", of: { ...task, result: null, progress: null }, make: () => facts(task) },
      ...(task.progress ? [{ name: "now", of: task.progress, make: () => now(task.progress) }] : []),
      ...problem(task),
      ...(task.result ? [{ name: "answer", of: task.result, make: () => block("Answer", rendered(task.result)) }] : []),
      ...(task.verification
        ? [
            {
              name: "verification",
              of: [task.verification, task.verificationOutput],
              make: () => verification(task, log),
            },
          ]
        : []),
      ...(task.changedFiles.length > 0
        ? [{ name: "files", of: task.changedFiles, make: () => files(task.changedFiles) }]
        : []),
      ...(edited === task.id && task.status === "queued"
        ? [{ name: "edit", of: task.id, make: () => editForm(task) }]
        : []),
      ...(promptOf(task, log) && edited !== task.id
        ? [{ name: "prompt", of: promptOf(task, log), make: () => block("Prompt", rendered(promptOf(task, log))) }]
        : []),
      { name: "log", of: null, make: () => block(isOpen ? "Live log" : "Log", h("ol", { class: "log" })) },
      { name: "follow-up", of: task.sessionKey, make: () => followUp(task) },
    ];
    reconcile(place, parts, { key: ({ name }) => name, make: ({ make }) => make(), signature: ({ of }) => of });
    showLog(place.querySelector("[data-key=log]"), task, log, isOpen);
  };

  const showLog = (section, task, log, isOpen) => {
    section.querySelector("h3").textContent = isOpen ? "Live log" : "Log";
    const entries = (log?.entries ?? []).filter(({ body }) => body.kind !== "user" && body.kind !== "context");
    section.hidden = entries.length === 0 && !isOpen;
    const list = section.querySelector("ol");
    const atEnd = place.scrollHeight - place.scrollTop - place.clientHeight < 60;
    reconcile(list, entries, {
      key: ({ run, line, body }) => `${run}-${line}-${body.kind}`,
      make: (entry) => h("li", { class: `entry ${entry.body.kind}` }, ...entryParts(entry, isOpen)),
      signature: (entry) => [entry, isOpen],
    });
    section.querySelector(".left-out")?.remove();
    if (log?.leftOut > 0)
      list.before(
        h(
          "p",
          { class: "quiet left-out" },
          `${log.leftOut} earlier entries: `,
          h("code", {}, `codex-inbox log ${task.id}`),
        ),
      );
    if (isOpen && entries.length === 0 && list.previousElementSibling?.className !== "quiet none")
      list.before(h("p", { class: "quiet none" }, task.status === "queued" ? "It has not begun." : "Nothing yet."));
    else if (entries.length > 0) section.querySelector(".none")?.remove();
    if (isOpen && atEnd && place.scrollTop > 0) place.scrollTop = place.scrollHeight;
  };

  const closeButton = () =>
    h(
      "button",
      {
        type: "button",
        class: "plain close",
        onclick: () => go({ task: undefined }),
        "aria-label": "Close the task",
        "data-focus": "close",
      },
      "Close",
    );

  const edit = async (id) => {
    edited = id;
    await open(id);
    place.querySelector("#edited")?.focus();
  };

  const editForm = ({ id, prompt }) => {
    const field = h("textarea", { id: "edited", rows: 9, required: true });
    field.value = prompt ?? "";
    const done = async (event) => {
      event.preventDefault();
      if (event.type === "submit" && (await patch(`/tasks/${id}`, { prompt: field.value }).catch(failed)) === undefined)
        return;
      edited = undefined;
      say("Saved");
      await open(id);
    };
    return h(
      "section",
      { class: "block follow-up", "aria-label": "Edit" },
      h("h3", {}, h("label", { for: "edited" }, "Prompt")),
      h(
        "form",
        { onsubmit: done },
        field,
        h(
          "p",
          { class: "actions" },
          h("button", { type: "button", class: "plain", onclick: done }, "Cancel"),
          h("button", { type: "submit", class: "primary" }, "Save"),
        ),
      ),
    );
  };

  const head = (task) => {
    const isOpen = OPEN.includes(task.status);
    const stop = async () => {
      await post(`/tasks/${task.id}/stop`).catch(failed);
      say("Stop was asked for");
      await open(task.id);
    };
    const retry = async () => {
      const made = await post(`/tasks/${task.id}/retry`).catch(failed);
      if (made !== undefined) go({ task: made.id });
    };
    return h(
      "header",
      { class: `task-head ${task.status}` },
      h("p", { class: "state" }, h("span", { class: "dot", "aria-hidden": "true" }), stateName(task)),
      h("h2", { tabindex: "-1" }, task.title),
      h(
        "p",
        { class: "actions" },
        task.status === "queued" &&
          h("button", { type: "button", onclick: () => edit(task.id), "data-focus": "edit" }, "Edit"),
        isOpen &&
          task.status !== "stopping" &&
          h("button", { type: "button", onclick: stop, "data-focus": "stop" }, "Stop"),
        (task.status === "failed" || task.status === "cancelled") &&
          h("button", { type: "button", class: "primary", onclick: retry, "data-focus": "retry" }, "Retry"),
        closeButton(),
      ),
    );
  };

  return { open, close, isOpen: () => shown !== undefined, id: () => shown };
}

function noLog(error) {
  if (error.status === 404) return undefined;
  throw error;
}

function promptOf(task, log) {
  return task.prompt ?? log?.entries.find(({ body }) => body.kind === "user")?.body.text;
}

function block(title, ...content) {
  return h("section", { class: "block", "aria-label": title }, h("h3", {}, title), ...content);
}

/** It stays as it is while what it shows changes, and for the next task. */
let showsDetails = false;

function noteDetails({ target }) {
  showsDetails = target.open;
}

function facts(task) {
  const link = (id) => id && h("a", { href: addressWith({ task: id }), "data-way": true }, id);
  const time = (value) => value && h("time", { datetime: value, title: localTime(value) }, localTime(value));
  const isOver = task.endedAt !== null;
  const took = isOver
    ? duration(task.totalDurationMs ?? task.durationMs)
    : task.status !== "queued" && task.startedAt && clock(task.startedAt, "for");
  const session = { session: task.sessionKey, status: undefined, q: undefined };
  const brief = [
    ["Session", h("a", { href: addressWith(session), "data-way": true }, task.sessionKey)],
    ["Took", took],
    ["Tokens", tokens(task.totalUsage ?? task.usage)],
    [isOver ? "Ended" : "Accepted", clock(task.endedAt ?? task.acceptedAt ?? new Date().toISOString(), "ago")],
    ["Model", task.model],
    ["Attempts", task.attempts > 1 && String(task.attempts)],
    ["Parent", link(task.parent)],
    ["Goes on in", link(task.followUpTask)],
  ];
  const rest = [
    ["Id", h("code", {}, task.id)],
    ["Accepted", time(task.acceptedAt)],
    ["Ended", time(task.endedAt)],
    ["From", [task.origin, task.requestedBy].filter(Boolean).join(", ")],
    ["Thread", task.thread && h("code", {}, task.thread)],
    ["Commit", task.commit && h("code", {}, task.commit)],
    [task.committed ? "In the branch" : "Will be", h("code", {}, task.path)],
  ];
  const list = (rows) =>
    h(
      "dl",
      { class: "facts" },
      ...rows.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    );
  return h(
    "div",
    { class: "about-task" },
    list(brief),
    h(
      "details",
      { class: "more-facts", open: showsDetails, ontoggle: noteDetails },
      h("summary", {}, "Details"),
      list(rest),
    ),
  );
}

/** What its run does at this moment. */
function now({ command, commandSince, last, lastEventAt, commands, usage }) {
  const since = command ? commandSince : lastEventAt;
  const counts = [commands > 0 && `${commands} commands`, tokens(usage)].filter(Boolean).join(" · ");
  return h(
    "p",
    { class: "now" },
    command ? commandLine(command) : last,
    h("span", { class: "quiet" }, " ", since && clock(since, command ? "for" : "ago"), counts && ` · ${counts}`),
  );
}

function problem(task) {
  const parts = [];
  if (task.status === "queued" && task.hold)
    parts.push(
      h("p", {}, h("strong", {}, "Waits: "), task.hold, task.holdUntil && `, until ${localTime(task.holdUntil)}`),
    );
  if (task.holdRemedy) parts.push(h("p", { class: "todo" }, task.holdRemedy));
  if (task.reason && task.status !== "succeeded" && task.reason !== task.hold)
    parts.push(h("p", {}, h("strong", {}, task.status === "queued" ? "Last run: " : ""), task.reason));
  const todo = whatToDo(task);
  if (todo !== undefined) parts.push(h("p", { class: "todo" }, todo));
  for (const warning of task.warnings) parts.push(h("p", { class: "quiet" }, warning));
  if (parts.length === 0) return [];
  const of = [task.status, task.hold, task.reason, task.failure, task.warnings];
  return [{ name: "problem", of, make: () => h("div", { class: `problem ${task.status}` }, ...parts) }];
}

function verification({ verification: facts_, verificationOutput }, log) {
  const { command, outcome, exitCode, durationMs } = facts_;
  const said = verificationOutput ?? log?.entries.findLast(({ body }) => body.kind === "verify")?.body.output;
  const words = [outcome, exitCode !== undefined && exitCode !== null && `exit code ${exitCode}`, duration(durationMs)]
    .filter(Boolean)
    .join(" · ");
  return block(
    "Verification",
    h("p", {}, commandLine(command ?? ""), " ", h("span", { class: "quiet" }, words)),
    said ? output_(said) : "",
  );
}

const LETTERS = {
  add: "A",
  added: "A",
  update: "M",
  modified: "M",
  delete: "D",
  deleted: "D",
  rename: "R",
  renamed: "R",
};

function files(changed) {
  return block(
    `Changed files (${changed.length})`,
    h(
      "ul",
      { class: "files" },
      ...changed.map(({ path, change, by }) =>
        h(
          "li",
          {},
          h("abbr", { title: change, class: `change ${LETTERS[change] ?? ""}` }, LETTERS[change] ?? change),
          h("code", {}, path),
          by === "other" && h("span", { class: "quiet" }, " not by a patch of the agent"),
        ),
      ),
    ),
  );
}

function output_(text) {
  return h("pre", { class: "output", tabindex: "0" }, text);
}

/** What one entry of a transcript looks like. */
function entryParts({ body, durationMs, time }, isOpen) {
  const at =
    time && h("time", { class: "at", datetime: time, title: localTime(time) }, new Date(time).toLocaleTimeString());
  switch (body.kind) {
    case "assistant":
      return [at, rendered(body.text)];
    case "reasoning":
      return [at, h("div", { class: "quiet" }, rendered(body.text))];
    case "command": {
      const isOver = !isOpen || body.exitCode !== null || !["in_progress", "unfinished"].includes(body.status);
      const words = isOver
        ? [body.exitCode === null ? body.status : `exit code ${body.exitCode}`, duration(durationMs)]
            .filter(Boolean)
            .join(" · ")
        : "runs";
      const line = [commandLine(body.command), h("span", { class: body.exitCode ? "bad" : "quiet" }, ` ${words}`)];
      return body.output
        ? [at, h("details", {}, h("summary", {}, ...line), output_(body.output))]
        : [at, h("p", {}, ...line)];
    }
    case "files":
      return [
        at,
        h(
          "ul",
          { class: "files" },
          ...body.changes.map(({ path, change }) =>
            h(
              "li",
              {},
              h("abbr", { title: change, class: `change ${LETTERS[change] ?? ""}` }, LETTERS[change] ?? change),
              h("code", {}, path),
            ),
          ),
        ),
      ];
    case "tool":
      return [
        at,
        h("p", {}, h("code", {}, body.name), " ", h("span", { class: "quiet" }, `${body.status} ${body.detail}`)),
      ];
    case "verify":
      return [
        at,
        h("p", {}, commandLine(body.command), " ", h("span", { class: "quiet" }, `verification ${body.what}`)),
        body.output ? h("details", {}, h("summary", {}, "Output"), output_(body.output)) : "",
      ];
    case "error":
      return [at, h("p", { class: "bad" }, body.message)];
    case "end":
      return [at, h("p", { class: "quiet" }, `run ${body.outcome}${body.reason ? `: ${body.reason}` : ""}`)];
    default:
      return [at, h("p", { class: "quiet" }, body.kind)];
  }
}

function followUp({ sessionKey, id }) {
  const field = h("textarea", {
    id: `follow-${id}`,
    rows: 3,
    required: true,
    placeholder: "What comes next, in the same session",
  });
  const send = async (event) => {
    event.preventDefault();
    const prompt = field.value;
    if (prompt.trim() === "") return;
    const made = await post("/tasks", { prompt, sessionKey }, { "Idempotency-Key": crypto.randomUUID() }).catch(failed);
    if (made === undefined) return;
    field.value = "";
    say("Sent");
    go({ task: made.id });
  };
  const keys = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.form.requestSubmit();
  };
  field.addEventListener("keydown", keys);
  return h(
    "section",
    { class: "block follow-up", "aria-label": "Follow-up" },
    h("h3", {}, h("label", { for: `follow-${id}` }, "Follow-up")),
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
