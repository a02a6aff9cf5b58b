/** What happens, as the coordinator tells it: to one tab of a browser, which tells the others. */

/** How often to ask where events do not come. */
const POLL_MS = 2_000;
/** After that many, a connection is looked at as broken. */
const RETRY_EVENTS_MS = 15_000;
/** The one tab that listens holds this lock; what it hears goes to this channel. */
const SHARED = "codex-inbox-events";

/** @typedef {"live" | "polling" | "lost"} Connection */
/** What is told to the other tabs; `asked`: one of them has just been opened. @typedef {{ event?: LiveEvent, state?: Connection, poll?: true, asked?: true }} Told */

/**
 * Follows what happens: by events, and where they do not come by asking every two seconds. A browser has six connections to a server:
 * with an event stream for each tab, the seventh one would wait for ever.
 *
 * @param {{ onEvent: (event: LiveEvent) => void, onPoll: () => void, onState: (state: Connection) => void }} reader
 */
export function follow(reader) {
  const channel = new BroadcastChannel(SHARED);
  /** The state of the connection that this tab holds. @type {Connection | undefined} */
  let held;
  const hear = (/** @type {Told} */ { event, state, poll }) => {
    if (event !== undefined) reader.onEvent(event);
    if (state !== undefined) reader.onState(state);
    if (poll === true) reader.onPoll();
  };
  const tell = (/** @type {Told} */ told) => {
    held = told.state ?? held;
    channel.postMessage(told);
    hear(told);
  };
  channel.onmessage = ({ data }) => {
    if (data.asked !== true) hear(data);
    else if (held !== undefined) channel.postMessage({ state: held });
  };
  if (navigator.locks === undefined) {
    listen(tell); // Over a name that browsers do not take for safe.
    return;
  }
  channel.postMessage({ asked: true });
  void navigator.locks.request(SHARED, () => {
    listen(tell);
    return new Promise(() => undefined); // It is held until the tab goes; then the next one listens.
  });
}

/** @param {(told: Told) => void} tell */
function listen(tell) {
  /** @type {EventSource | undefined} */
  let source;
  /** @type {number | undefined} */
  let polling;
  const poll = () => {
    if (polling !== undefined) return;
    polling = window.setInterval(() => tell({ poll: true }), POLL_MS);
    setTimeout(open, RETRY_EVENTS_MS);
  };
  const open = () => {
    source?.close();
    const opened = new EventSource("/events");
    source = opened;
    opened.onopen = () => {
      clearInterval(polling);
      polling = undefined;
      tell({ state: "live", poll: true }); // What happened meanwhile.
    };
    opened.onmessage = ({ data }) => tell({ event: JSON.parse(data) });
    opened.onerror = () => {
      if (opened.readyState === EventSource.CLOSED) {
        tell({ state: "polling" });
        clearInterval(polling);
        polling = undefined;
        poll();
      } else tell({ state: "lost" }); // The browser tries again by itself.
    };
  };
  open();
}
