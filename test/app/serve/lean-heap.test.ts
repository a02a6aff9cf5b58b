import { describe, expect, it } from "vitest";
import { createHeapKeeper } from "../../../src/app/serve/lean-heap.ts";

const MB = 1024 * 1024;
const LOOK_MS = 200;

interface Load {
  readonly liveMb: number;
  readonly garbageMbPerSecond: number;
  readonly busyShare: number;
}

/** Ten minutes of a coordinator, of which collections take 1 ms a MB, or 2.5 where they give memory back. */
function simulate({ liveMb, garbageMbPerSecond, busyShare }: Load) {
  let usedMb = liveMb;
  let nowMs = 0;
  const pauses: { readonly flavor: string; readonly ms: number }[] = [];
  let mostMb = 0;
  const look = createHeapKeeper({
    usedBytes: () => usedMb * MB,
    collect(flavor) {
      const ms = usedMb * (flavor === "regular" ? 1 : 2.5);
      pauses.push({ flavor, ms });
      nowMs += ms;
      usedMb = liveMb;
    },
    nowMs: () => nowMs,
    busyShare: () => busyShare,
  });
  while (nowMs < 600_000) {
    nowMs += LOOK_MS;
    usedMb += (garbageMbPerSecond * LOOK_MS) / 1_000;
    if (usedMb > liveMb * 4 + 40) usedMb = liveMb; // V8 collects by itself then.
    mostMb = Math.max(mostMb, usedMb);
    look();
  }
  const spentMs = pauses.reduce((sum, { ms }) => sum + ms, 0);
  return { pauses, share: spentMs / nowMs, mostMb };
}

describe("the heap of a coordinator", () => {
  it("stays small while it waits, and gives memory back", () => {
    const { pauses, share, mostMb } = simulate({ liveMb: 12, garbageMbPerSecond: 0.5, busyShare: 0.01 });
    expect(new Set(pauses.map(({ flavor }) => flavor))).toEqual(new Set(["last-resort"]));
    expect(mostMb).toBeLessThan(12 + 6);
    expect(share).toBeLessThan(0.01);
  });

  it("is collected in a burst for a bounded share of its time", () => {
    const { pauses, share } = simulate({ liveMb: 20, garbageMbPerSecond: 100, busyShare: 0.9 });
    expect(pauses.slice(1).every(({ flavor }) => flavor === "regular")).toBe(true);
    expect(share).toBeGreaterThan(0.02);
    expect(share).toBeLessThan(0.055);
  });

  it("is not collected where that would stop the event loop for long: a long queue costs no task its time", () => {
    for (const busyShare of [0.01, 0.9]) {
      const { pauses, share } = simulate({ liveMb: 80, garbageMbPerSecond: 50, busyShare });
      expect(pauses.length).toBeLessThan(12); // Now and then one finds out whether it costs as much as ever.
      expect(share).toBeLessThan(0.005);
    }
  });

  it("is collected again after one measurement was off by a stall of the machine", () => {
    let [nowMs, used, collected] = [0, 30 * MB, 0];
    const look = createHeapKeeper({
      usedBytes: () => used,
      collect: () => {
        collected += 1;
        nowMs += collected === 1 ? 2_000 : 25;
        used = 25 * MB;
      },
      nowMs: () => nowMs,
      busyShare: () => 0.9,
    });
    for (let looks = 0; looks < 10 * 60 * 5 * 2; looks += 1) {
      nowMs += LOOK_MS;
      used = Math.min(used + MB, 60 * MB);
      look();
    }
    expect(collected).toBeGreaterThan(10);
  });

  it("is left alone as long as it grows by less than a quarter of what is live", () => {
    let used = 30 * MB;
    let collected = 0;
    let nowMs = 0;
    const look = createHeapKeeper({
      usedBytes: () => used,
      collect: () => {
        collected += 1;
      },
      nowMs: () => nowMs,
      busyShare: () => 0,
    });
    look();
    expect(collected).toBe(1);
    for (used = 30 * MB; used < 37 * MB; used += MB) {
      nowMs += LOOK_MS;
      look();
    }
    expect(collected).toBe(1);
    used = 38 * MB;
    look();
    expect(collected).toBe(2);
  });
});
