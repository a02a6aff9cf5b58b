import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpLimits } from "./access/limits.ts";
import type { Refusal } from "./refusal.ts";

/** A request whose body has been read: @hono/node-server takes it from `rawBody`. */
type ReadRequest = IncomingMessage & { rawBody?: Buffer };

/** When to send a large body again that found no room; those under way take seconds. */
const RETRY_AFTER_S = 2;

const FIRST_BYTES = 4 * 1024;

/**
 * Reads the bodies of one server, which together never take more than `bodiesBytes` and a small body per request. Room for a large
 * one is set aside before it is read, and freed when its request is answered, or its connection closed.
 *
 * @returns resolves once the whole body is there, with why it is refused otherwise, or with "gone" where the client is
 */
export function createBodyReader(limits: HttpLimits) {
  let taken = 0;

  /** Returns whether there was room for a large body. */
  const reserve = (response: ServerResponse): boolean => {
    if (taken + limits.bodyBytes > limits.bodiesBytes) return false;
    taken += limits.bodyBytes;
    response.once("close", () => {
      taken -= limits.bodyBytes;
    });
    return true;
  };
  const tooLarge: Refusal = {
    ...{ status: 413, code: "TOO_LARGE", message: `a body may have at most ${limits.bodyBytes} bytes` },
  };
  const noRoom: Refusal = {
    ...{ status: 503, code: "TRY_AGAIN", message: "too many large bodies are under way: send this one again" },
    headers: { "Retry-After": String(RETRY_AFTER_S) },
  };
  const tooSlow: Refusal = {
    ...{ status: 408, code: "TIMEOUT", message: `the body came too slowly (at most ${limits.bodyMs / 1_000} s)` },
  };

  return function readBody(request: ReadRequest, response: ServerResponse): Promise<Refusal | "gone" | undefined> {
    const length = request.headers["content-length"];
    const declared = length === undefined ? 0 : Number(length);
    if (declared > limits.bodyBytes) return Promise.resolve(tooLarge);
    let isLarge = declared > limits.smallBodyBytes;
    if (isLarge && !reserve(response)) return Promise.resolve(noRoom);
    if (request.headers.expect !== undefined) response.writeContinue();
    const { promise, resolve } = Promise.withResolvers<Refusal | "gone" | undefined>();
    const body = createGrowingBuffer(Math.max(declared, FIRST_BYTES), limits.bodyBytes);
    const take = (chunk: Buffer): void => {
      pause.refresh();
      const size = body.size() + chunk.length;
      const grewLarge = size > limits.smallBodyBytes && !isLarge;
      if (grewLarge) isLarge = size <= limits.bodyBytes && reserve(response);
      if (size > limits.bodyBytes) finish(tooLarge);
      else if (grewLarge && !isLarge) finish(noRoom);
      else body.append(chunk);
    };
    const end = (): void => {
      request.rawBody = body.bytes();
      finish(undefined);
    };
    const gone = (): void => finish("gone");
    const finish = (outcome: Refusal | "gone" | undefined): void => {
      for (const timer of [whole, pause]) clearTimeout(timer);
      request.off("data", take).off("end", end).off("close", gone);
      resolve(outcome);
    };
    const whole = setTimeout(finish, limits.bodyMs, tooSlow);
    const pause = setTimeout(finish, limits.bodyPauseMs, tooSlow);
    request.on("data", take).once("end", end).once("close", gone);
    return promise;
  };
}

/** One piece of memory for a whole text: one that comes in pieces of a byte must not cost an object for each. */
export function createGrowingBuffer(firstBytes: number, bytesMax: number) {
  let bytes = Buffer.allocUnsafeSlow(firstBytes);
  let size = 0;
  return {
    size: () => size,
    append(chunk: Buffer): void {
      const needed = size + chunk.length;
      if (needed > bytes.length) {
        const grown = Buffer.allocUnsafeSlow(Math.min(bytesMax, Math.max(needed, bytes.length * 2)));
        bytes.copy(grown, 0, 0, size);
        bytes = grown;
      }
      size += chunk.copy(bytes, size);
    },
    bytes: () => bytes.subarray(0, size),
  };
}
