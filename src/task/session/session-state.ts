export const SESSION_STATES = ["RUNNING", "STOPPED", "DIED", "ARCHIVED"] as const;

/**
 * How a session is doing, for people. RUNNING: a task of it runs, or will. DIED: the last run of its last task vanished, and no attempt was
 * left. ARCHIVED: it was put away. STOPPED: nothing of it runs, nor will.
 */
export type SessionState = (typeof SESSION_STATES)[number];
