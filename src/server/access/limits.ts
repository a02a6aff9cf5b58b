/** What one address of the HTTP interface spends on its clients at most; `…Ms` are milliseconds. */
export interface HttpLimits {
  /** Open connections. One more ends the oldest that has no request under way. */
  readonly connections: number;
  /** Connections beyond those that are told so, at the same time. */
  readonly turnedAway: number;
  /** Requests that are read or answered at the same time. */
  readonly requests: number;
  readonly headerBytes: number;
  readonly headerCount: number;
  /** From the first byte of a request (or the start of its connection) to the end of its headers. */
  readonly headersMs: number;
  readonly bodyBytes: number;
  /** A body up to this size is read in any case: `requests` bounds what they take together. */
  readonly smallBodyBytes: number;
  /** All larger bodies together, from their headers until their requests are answered. */
  readonly bodiesBytes: number;
  /** A whole body. */
  readonly bodyMs: number;
  /** Between two pieces of a body. */
  readonly bodyPauseMs: number;
  /** From the answer of the coordinator until the client has read it. */
  readonly answerMs: number;
  /** Between two signs of life on a stream of events. */
  readonly heartbeatMs: number;
  /** How long the rest of a refused body is thrown away before its connection is ended: a client that still sends sees the refusal. */
  readonly lingerMs: number;
}

const MB = 1024 * 1024;

export const HTTP_LIMITS: HttpLimits = {
  connections: 256,
  turnedAway: 1_024,
  requests: 128,
  headerBytes: 16 * 1024,
  headerCount: 100,
  headersMs: 10_000,
  // The largest prompt (1,048,576 characters of up to four bytes) and its front matter.
  bodyBytes: 5 * MB,
  smallBodyBytes: 64 * 1024,
  bodiesBytes: 16 * MB,
  bodyMs: 60_000,
  bodyPauseMs: 10_000,
  answerMs: 60_000,
  heartbeatMs: 15_000,
  lingerMs: 1_000,
};
