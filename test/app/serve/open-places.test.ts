import { expect, it } from "vitest";
import { defaultWorkplace } from "../../../src/app/serve/open-places.ts";

it("sessions have worktrees where the workspace lies beside the code, unless the settings say otherwise", () => {
  expect(defaultWorkplace({ workRoot: "/code", workspaceDir: "/code-inbox" })).toBe("session");
  expect(defaultWorkplace({ workRoot: "/code", workspaceDir: "/code" })).toBe("shared");
});
