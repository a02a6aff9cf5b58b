import { connect, type Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

/** What `half-sent.ts` has its thread send. */
export interface Flood {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Requests. */
  readonly bodies: number;
  /** Bytes of each. */
  readonly told: number;
  readonly sent: number;
}

/** A thread of its own: what it does must not delay the small requests that are measured. Any message ends it; it posts its answers. */
const { url, headers, bodies, told, sent }: Flood = workerData;
const { hostname, port, host } = new URL(url);
const lines = [
  "POST /tasks HTTP/1.1",
  `host: ${host}`,
  "content-type: text/markdown",
  `content-length: ${told}`,
  ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
];
const part = Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), Buffer.alloc(sent, "x")]);
/** How often each status was answered. */
const answers: Record<string, number> = {};
const sockets: Socket[] = [];
for (let n = 0; n < bodies; n += 1) {
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined); // It is cut off while it still sends: what was answered counts.
  socket.once("data", (chunk) => {
    const status = chunk.toString("latin1").slice(9, 12);
    answers[status] = (answers[status] ?? 0) + 1;
  });
  socket.write(part);
  sockets.push(socket);
}
parentPort?.once("message", () => {
  for (const socket of sockets) socket.destroy();
  parentPort?.postMessage(answers);
});
