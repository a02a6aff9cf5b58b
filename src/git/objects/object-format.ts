import { createHash } from "node:crypto";

export type ObjectFormat = "sha1" | "sha256";
export type ObjectType = "blob" | "tree" | "commit" | "tag";

/** Returns an object as git hashes and stores it: its header, then its content. */
export function frameObject(type: ObjectType, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);
}

/** Returns the id of a framed object, in hexadecimal. */
export function hashFramed(format: ObjectFormat, framed: Uint8Array): string {
  return createHash(format).update(framed).digest("hex");
}

/** Returns the id that stands for "no object": all zeros. */
export function zeroId(format: ObjectFormat): string {
  return "0".repeat(format === "sha1" ? 40 : 64);
}
