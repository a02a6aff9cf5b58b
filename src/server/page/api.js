/** The coordinator, over HTTP: the same routes that programs use. */

/** What the coordinator refused, or could not be asked. */
export class ApiError extends Error {
  /** @param {number} status 0: it did not answer @param {string} code @param {string} message */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * @template {string} Path
 * @param {Path} path
 * @param {{ signal?: AbortSignal }} [options]
 * @returns {Promise<Answer<Path>>}
 */
export function get(path, options) {
  return ask(path, { ...options, method: "GET" });
}

/**
 * @template {string} Path
 * @param {Path} path
 * @param {unknown} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<Answer<Path>>}
 */
export function post(path, body, headers) {
  return send("POST", path, body, headers);
}

/** @param {string} path @param {unknown} body @returns {Promise<TaskView>} */
export function patch(path, body) {
  return send("PATCH", path, body);
}

/** @param {string} method @param {string} path @param {unknown} body @param {Record<string, string>} [headers] */
function send(method, path, body, headers = {}) {
  /** @type {Record<string, string>} */
  const type = body === undefined ? {} : { "content-type": "application/json" };
  return ask(path, {
    method,
    headers: { ...type, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** @param {string} path @param {RequestInit} init @returns {Promise<any>} */
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
    throw new ApiError(
      0,
      "NO_ANSWER",
      "the coordinator does not answer; nothing is known to have been done (codex-inbox status tells whether it serves)",
    );
  }
  if (answer.status === 401) document.dispatchEvent(new CustomEvent("signed-out"));
  if (answer.status === 204) return undefined;
  const body = await answer.json().catch(() => undefined);
  if (answer.ok) return body;
  throw refusal(answer.status, body?.error);
}

/**
 * @param {number} status
 * @param {{ code?: string, message?: string, places?: readonly { line: number, column: number, message: string }[] }} [error]
 */
function refusal(status, error = {}) {
  const { code = "UNKNOWN", message = `the coordinator answered ${status}`, places = [] } = error;
  const where = places.map(({ line, column, message: said }) => `\n${line}:${column} ${said}`).join("");
  return new ApiError(status, code, message + where);
}
