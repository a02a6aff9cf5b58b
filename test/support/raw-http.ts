import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "./test-end.ts";

/** A connection on which a test says what it likes. */
export interface RawConnection {
  readonly socket: Socket;
  /** What has come until now. */
  text(): string;
  /** The status of the first answer, once it is there; `undefined` where the connection ends without one. */
  status(): Promise<number | undefined>;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
}

/** Connects to `url` and sends `text`. */
export function sendRaw(url: string, text: string | Buffer): RawConnection {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let received = "";
  let isAnswered = false;
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
    isAnswered ||= /^HTTP\/1\.1 \d{3} /.test(received); // Once: all of a long answer would be looked through with each piece.
    if (isAnswered) answer();
  });
  socket.on("error", () => undefined); // It may be ended while it still sends.
  const closed = once(socket, "close").then(() => undefined);
  socket.write(text);
  return {
    socket,
    text: () => received,
    async status() {
      await Promise.race([answered, closed]);
      const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(received) ?? [];
      return status === undefined ? undefined : Number(status);
    },
    closed,
  };
}

/** The head of a request, with the blank line behind it. */
export function requestHead(url: string, line: string, headers: Readonly<Record<string, string | number>>): string {
  const all = { host: new URL(url).host, ...headers };
  return `${[`${line} HTTP/1.1`, ...Object.entries(all).map(([name, value]) => `${name}: ${value}`)].join("\r\n")}\r\n\r\n`;
}
