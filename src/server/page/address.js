/** What is shown stands in the address: filters, and the task that is open. */

const NAMES = ["status", "session", "q", "task"];

/** @returns {Record<"status" | "session" | "q" | "task", string | undefined>} */
export function readAddress() {
  const given = new URLSearchParams(location.search);
  return Object.fromEntries(NAMES.map((name) => [name, given.get(name) || undefined]));
}

/** The address of what is shown now, with `change`. @param {Record<string, string | undefined>} change */
export function addressWith(change) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...readAddress(), ...change }))
    if (value !== undefined && value !== "") query.set(name, value);
  const text = query.toString();
  return text === "" ? "/" : `/?${text}`;
}

/** @param {Record<string, string | undefined>} change @param {{ replace?: boolean }} [how] */
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
