import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Claim,
  claimRef,
  firstRunOf,
  parseClaim,
  renderClaim,
  taskOfClaimRef,
} from "../../../src/task/claims/claim.ts";

const TASK = "20261120-141530-k3f9x2";
const CLAIM: Claim = { task: TASK, clone: "a1b2c3", name: "build-server", generation: 2, atMs: 1_795_000_000_000 };

describe("the text of a claim", () => {
  it("is one line of JSON with its version, and is read back", () => {
    expect(renderClaim(CLAIM)).toBe(
      `{"v":1,"task":"${TASK}","clone":"a1b2c3","name":"build-server","generation":2,"at":"2026-11-18T11:06:40.000Z"}\n`,
    );
    expect(parseClaim(TASK, renderClaim(CLAIM))).toEqual(CLAIM);
  });

  it("of version 1 is read as it was written", () => {
    const fixture = join(import.meta.dirname, "../../fixtures/formats/claim-v1.json");
    const text = readFileSync(fixture, "utf8");
    const claim = { task: "20261122-042122-fyd37l", clone: "nd25oi", name: "build-server", generation: 2 };
    expect(parseClaim(claim.task, text)).toEqual({ ...claim, atMs: Date.parse("2026-11-22T04:21:25Z") });
    expect(renderClaim(parseClaim(claim.task, text))).toBe(text);
  });

  it.each([
    { name: "of another version", text: renderClaim(CLAIM).replace('"v":1', '"v":2'), generation: 2 },
    { name: "of another task", text: renderClaim(CLAIM).replace("k3f9x2", "k3f9x3"), generation: 2 },
    { name: "without a clone", text: renderClaim(CLAIM).replace("a1b2c3", "../etc"), generation: 2 },
    { name: "that is none", text: "\0\0", generation: 1 },
    { name: "with a generation that is none", text: renderClaim(CLAIM).replace(":2,", ":-2,"), generation: 1 },
  ])("$name is a claim of nobody that this clone knows", ({ text, generation }) => {
    const read = parseClaim(TASK, text);
    expect(read.generation).toBe(generation);
    expect(read.task).toBe(TASK);
    if (!text.includes("-2")) expect(read.clone).not.toMatch(/^[0-9a-z]{6}$/);
  });

  it("is read whatever it is, and its name is one short line", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.string(), (text, name) => {
        parseClaim(TASK, text);
        const read = parseClaim(TASK, JSON.stringify({ ...JSON.parse(renderClaim(CLAIM)), name }));
        expect(read.name).not.toMatch(/[\r\n]/);
        expect([...read.name].length).toBeLessThanOrEqual(64);
      }),
    );
  });
});

it("the ref of a claim names its task, and no other ref is a claim", () => {
  expect(claimRef(TASK)).toBe(`refs/codex-inbox/claims/${TASK}`);
  expect(taskOfClaimRef(claimRef(TASK))).toBe(TASK);
  for (const ref of [`refs/heads/${TASK}`, "refs/codex-inbox/claims/x", `refs/codex-inbox/claims/a/${TASK}`])
    expect(taskOfClaimRef(ref)).toBeUndefined();
});

it("a later generation's first run is above a thousand runs of the one before", () => {
  expect([1, 2, 3].map(firstRunOf)).toEqual([1, 1_001, 2_001]);
});
