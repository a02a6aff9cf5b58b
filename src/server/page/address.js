/** What is shown stands in the address: filters, and the task that is open. */

/** @typedef {Partial<Record<"status" | "session" | "q" | "task", string | undefined>>} Shown */

/** The states that tasks can be in; another one is no filter. */
const STATUSES = ["queued", "running", "verifying", "stopping", "cancelled", "failed", "succeeded"];

/** @returns {Shown} */
export function readAddress() {
  const given = new URLSearchParams(location.search);
  const read = (/** @type {string} */ name) => given.get(name) || undefined;
  const status = read("status");
  return { status: STATUSES.find((one) => one === status), session: read("session"), q: read("q"), task: read("task") };
}

/** The address of what is shown now, with `change`. @param {Shown} change */
export function addressWith(change) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...readAddress(), ...change }))
    if (value !== undefined && value !== "") query.set(name, value);
  const text = query.toString();
  return text === "" ? "/" : `/?${text}`;
}

/** @param {Shown} change @param {{ replace?: boolean }} [how] */
export function go(change, { replace = false } = {}) {
  goTo(addressWith(change), { replace });
}

/** @param {string} address */
export function goTo(address, { replace = false } = {}) {
  if (address === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  document.dispatchEvent(new CustomEvent("address"));
}
