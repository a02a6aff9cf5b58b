import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Claim } from "../../../src/task/claims/claim.ts";
import { type HeldClaim, mayRelease, nextGeneration, standingOf } from "../../../src/task/claims/standing.ts";

const claim = (clone: string, generation: number): Claim => ({ task: "t", clone, name: clone, generation, atMs: 1 });
const held = (generation: number): HeldClaim => ({ generation, atMs: 1 });

describe("how a task stands", () => {
  it.each([
    { name: "nobody has it", held: undefined, seen: undefined, kind: "free" },
    { name: "the remote and the journal agree", held: held(1), seen: claim("us", 1), kind: "ours" },
    { name: "a crash came between the push and the journal", held: undefined, seen: claim("us", 1), kind: "unnoted" },
    { name: "the same of a take-over", held: held(1), seen: claim("us", 3), kind: "unnoted" },
    { name: "the remote has lost the claim", held: held(1), seen: undefined, kind: "lost" },
    { name: "the remote has an earlier one again", held: held(2), seen: claim("them", 1), kind: "lost" },
    { name: "another clone was quicker", held: undefined, seen: claim("them", 1), kind: "theirs" },
    { name: "another clone has taken it over", held: held(1), seen: claim("them", 2), kind: "superseded" },
    {
      name: "another has the same generation: the remote decides",
      held: held(1),
      seen: claim("them", 1),
      kind: "superseded",
    },
  ])("$name: $kind", ({ held: own, seen, kind }) => expect(standingOf("us", own, seen).kind).toBe(kind));
});

it.each([
  { isEndedHere: false, isEndedThere: false, may: true },
  { isEndedHere: true, isEndedThere: false, may: false },
  { isEndedHere: true, isEndedThere: true, may: true },
  { isEndedHere: false, isEndedThere: true, may: true },
])("a claim is released: $may (here $isEndedHere, there $isEndedThere)", ({ may, ...ended }) =>
  expect(mayRelease(ended)).toBe(may),
);

/** A remote with one ref, moved by compare-and-swap alone, and clones that act on what they saw last, at any time and in any order. */
interface Clone {
  seen: Claim | undefined;
  held: HeldClaim | undefined;
  /** Generations of which it was the holder by its own journal. */
  readonly ran: Set<number>;
}

it("of any generation only one clone ever becomes the holder, however they are interleaved, and whichever crash", () => {
  const step = fc.record({
    clone: fc.constantFrom("aaaaaa", "bbbbbb", "cccccc"),
    act: fc.constantFrom("look", "ask", "take-over", "note"),
    isCrash: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let ref: Claim | undefined;
      const clones = new Map<string, Clone>();
      for (const { clone, act, isCrash } of steps) {
        const one = clones.get(clone) ?? { seen: undefined, held: undefined, ran: new Set() };
        clones.set(clone, one);
        const standing = standingOf(clone, one.held, one.seen);
        const mayAsk =
          act === "ask" ? standing.kind === "free" : standing.kind === "theirs" || standing.kind === "superseded";
        if (act === "look") one.seen = ref;
        else if (act === "note") {
          if (standing.kind !== "unnoted") continue;
          one.held = { generation: standing.claim.generation, atMs: 1 };
          one.ran.add(standing.claim.generation);
        } else if (mayAsk && ref?.clone === one.seen?.clone && ref?.generation === one.seen?.generation) {
          ref = claim(clone, nextGeneration(one.seen));
          if (!isCrash) one.seen = ref; // Else what the push has done is found by the next look.
        }
      }
      const generations = [...clones.values()].flatMap(({ ran }) => [...ran]);
      expect(new Set(generations).size).toBe(generations.length);
    }),
  );
});
