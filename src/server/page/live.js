/** What happens, as the coordinator tells it. */

/** How often to ask where events do not come. */
const POLL_MS = 2_000;
/** After that many, a connection is looked at as broken. */
const RETRY_EVENTS_MS = 15_000;

/** @typedef {"live" | "polling" | "lost"} Connection */

/**
 * Follows what happens: by events, and where they do not come by asking every two seconds.
 *
 * @param {{ onEvent: (event: LiveEvent) => void, onPoll: () => void, onState: (state: Connection) => void }} reader
 */
export function follow({ onEvent, onPoll, onState }) {
  /** @type {EventSource | undefined} */
  let source;
  /** @type {number | undefined} */
  let polling;
  const poll = () => {
    if (polling !== undefined) return;
    polling = window.setInterval(onPoll, POLL_MS);
    setTimeout(open, RETRY_EVENTS_MS);
  };
  const open = () => {
    source?.close();
    const opened = new EventSource("/events");
    source = opened;
    opened.onopen = () => {
      clearInterval(polling);
      polling = undefined;
      onState("live");
      onPoll(); // What happened meanwhile.
    };
    opened.onmessage = ({ data }) => onEvent(JSON.parse(data));
    opened.onerror = () => {
      if (opened.readyState === EventSource.CLOSED) {
        onState("polling");
        clearInterval(polling);
        polling = undefined;
        poll();
      } else onState("lost"); // The browser tries again by itself.
    };
  };
  open();
}
