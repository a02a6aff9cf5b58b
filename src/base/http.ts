import process from "node:process";

/**
 * Node's HTTP, without what an `import` of it would load: that reads every export, and one of them (`WebSocket`) brings fetch and
 * HTTP/2 with it, 10 MB that stay (measured with Node 24.21).
 */
export const http = process.getBuiltinModule("node:http");
