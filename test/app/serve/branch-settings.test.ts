import { expect, it } from "vitest";
import { createReload } from "../../../src/app/serve/branch-settings.ts";
import { createLiveConfig } from "../../../src/config/live-config.ts";
import { DEFAULT_POLICY, type Policy } from "../../../src/task/rights/policy.ts";

it("a change of the policy is logged with the keys that changed", () => {
  let inForce = DEFAULT_POLICY;
  let written: Policy = DEFAULT_POLICY;
  const logged: unknown[] = [];
  let looks = 0;
  const reload = createReload({
    config: createLiveConfig({ text: "{}", name: "codex-inbox.json of main" }, {}, {}),
    policy: {
      current: () => inForce,
      reload: () => {
        inForce = written;
        return undefined;
      },
    },
    settings: { uncommitted: () => undefined },
    onRights: () => looks++,
    log: (event, fields) => logged.push([event, fields]),
  });
  reload();
  written = { ...DEFAULT_POLICY, network: "full", origins: { commit: { sandbox: "read-only" } } };
  reload();
  // Written again as it was.
  written = { ...written };
  reload();
  const rest = { sandbox: "workspace-write", verify: "sandboxed" };
  expect(logged).toEqual([
    ["policy", { changed: "network,origins", ...rest }],
    ["policy", { changed: undefined, ...rest }],
  ]);
  expect(looks).toBe(2);
});
