/** Questions whose answers are kept until they may be others, since they may take the coordinator long: it then looks through its history. */
import { get } from "./api.js";
import { failed } from "./show/words.js";

/** The first answer is waited for so long; what is there meanwhile is shown without it. */
const PATIENCE_MS = 300;
/** A question is asked again after so many times of what its answer took. */
const REST_FACTOR = 20;
const REST_MAX_MS = 60_000;

/**
 * @typedef {object} Entry
 * @property {boolean} isStale
 * @property {boolean} isBusy
 * @property {boolean} isLate
 * @property {number} restMs
 * @property {number} endedMs
 * @property {any} [answer]
 * @property {Promise<void>} [asking]
 * @property {number} [timer]
 */

/** @param {() => void} onAnswer there is an answer that nobody has waited for */
export function createLookUps(onAnswer) {
  /** @type {Map<string, Entry>} */
  const known = new Map();
  /** @param {string} path @param {Entry} entry */
  const ask = async (path, entry) => {
    const beganMs = performance.now();
    Object.assign(entry, { isStale: false, isBusy: true });
    const answer = await get(path).catch((error) => {
      entry.isStale = true;
      return failed(error);
    });
    if (answer !== undefined) entry.answer = answer;
    const tookMs = performance.now() - beganMs;
    entry.restMs = Math.min(REST_MAX_MS, tookMs * REST_FACTOR);
    entry.endedMs = performance.now();
    entry.isBusy = false;
    if (entry.isLate) onAnswer();
    entry.isLate = false;
  };
  return {
    /**
     * Resolves with the newest answer that is known, `undefined` where there is none yet.
     *
     * @template {string} Path
     * @param {Path} path
     * @returns {Promise<Answer<Path> | undefined>}
     */
    async get(path) {
      const entry = known.get(path) ?? { isStale: true, isBusy: false, isLate: false, restMs: 0, endedMs: 0 };
      known.set(path, entry);
      const waitMs = entry.endedMs + entry.restMs - performance.now();
      if (entry.isStale && !entry.isBusy && waitMs <= 0) entry.asking = ask(path, entry);
      else if (entry.isStale && !entry.isBusy) {
        clearTimeout(entry.timer);
        entry.timer = window.setTimeout(onAnswer, waitMs);
      }
      if (entry.isBusy) {
        await Promise.race([entry.asking, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
        entry.isLate = entry.isBusy;
      }
      return entry.answer;
    },
    /** What is known may have changed. */
    forget() {
      for (const entry of known.values()) entry.isStale = true;
    },
  };
}
