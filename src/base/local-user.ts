import { userInfo } from "node:os";
import { systemErrorCode } from "./errors.ts";

/** Returns the name of the user that this process runs as; its number where the machine knows no name for it. */
export function localUserName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}
