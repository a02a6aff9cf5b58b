import { createInterface } from "node:readline";
import { FAULT_POINTS, faultPoint } from "../../src/base/fault-point.ts";

/** Passes the fault point that the line on stdin names, and says so. */
for await (const line of createInterface({ input: process.stdin })) {
  const name = FAULT_POINTS.find((point) => point === line);
  if (name !== undefined) faultPoint(name);
  console.log(`passed ${name}`);
}
