import { createHash } from "node:crypto";

export type ObjectFormat = "sha1" | "sha256";
export type ObjectType = "blob" | "tree" | "commit" | "tag";

/** Returns the id of an object, in hexadecimal: git hashes its header, then its content. */
export function objectId(format: ObjectFormat, type: ObjectType, content: Uint8Array): string {
  return createHash(format).update(`${type} ${content.length}\0`).update(content).digest("hex");
}

/** Returns the id that stands for "no object": all zeros. */
export function zeroId(format: ObjectFormat): string {
  return "0".repeat(format === "sha1" ? 40 : 64);
}
