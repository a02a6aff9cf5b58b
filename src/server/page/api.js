/** The coordinator, over HTTP: the same routes that programs use. */

/** How often to ask where events do not come. */
const POLL_MS = 2_000;
/** After that many, a connection is looked at as broken. */
const RETRY_EVENTS_MS = 15_000;

/** What the coordinator refused, or could not be asked. */
export class ApiError extends Error {
  /** @param {number} status 0: it did not answer */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** @param {string} path @param {{ signal?: AbortSignal }} [options] */
export function get(path, options) {
  return ask(path, { ...options, method: "GET" });
}

/** @param {string} path @param {unknown} [body] @param {Record<string, string>} [headers] */
export function post(path, body, headers) {
  return send("POST", path, body, headers);
}

/** @param {string} path @param {unknown} body */
export function patch(path, body) {
  return send("PATCH", path, body);
}

function send(method, path, body, headers = {}) {
  const type = body === undefined ? {} : { "content-type": "application/json" };
  return ask(path, {
    method,
    headers: { ...type, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
}

async function ask(path, init) {
  let answer;
  try {
    answer = await fetch(path, {
      ...init,
      headers: { accept: "application/json", ...init.headers },
      credentials: "same-origin",
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError(0, "NO_ANSWER", "the coordinator does not answer");
  }
  if (answer.status === 401) document.dispatchEvent(new CustomEvent("signed-out"));
  if (answer.status === 204) return undefined;
  const body = await answer.json().catch(() => undefined);
  if (answer.ok) return body;
  const { code = "UNKNOWN", message = `the coordinator answered ${answer.status}`, places = [] } = body?.error ?? {};
  const where = places.map(({ line, column, message: said }) => `\n${line}:${column} ${said}`).join("");
  throw new ApiError(answer.status, code, message + where);
}

/**
 * Follows what happens: by events, and where they do not come by asking every two seconds.
 *
 * @param {{ onEvent: (event: any) => void, onPoll: () => void, onState: (state: "live" | "polling" | "lost") => void }} reader
 */
export function follow({ onEvent, onPoll, onState }) {
  let source;
  let polling;
  const poll = () => {
    if (polling !== undefined) return;
    polling = setInterval(onPoll, POLL_MS);
    setTimeout(open, RETRY_EVENTS_MS);
  };
  const open = () => {
    source?.close();
    source = new EventSource("/events");
    source.onopen = () => {
      clearInterval(polling);
      polling = undefined;
      onState("live");
      onPoll(); // What happened meanwhile.
    };
    source.onmessage = ({ data }) => onEvent(JSON.parse(data));
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        onState("polling");
        clearInterval(polling);
        polling = undefined;
        poll();
      } else onState("lost"); // The browser tries again by itself.
    };
  };
  open();
}
