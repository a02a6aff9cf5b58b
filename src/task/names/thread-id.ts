const THREAD_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Returns whether `text` is a thread id in the one form that may be handed to `codex exec resume`: a lower-case UUID with
 * hyphens. Measured with codex 0.169.0: anything else is taken for a thread's name, and a new thread starts without a word.
 */
export function isThreadId(text: string): boolean {
  return THREAD_ID.test(text);
}
