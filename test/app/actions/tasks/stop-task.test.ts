import { expect, it } from "vitest";
import { openUseCases } from "../../../../src/app/open-use-cases.ts";
import { tempRepo } from "../../../support/temp-repo.ts";

it("what a command has put into inbox/, and nobody has taken, can be stopped, and is said to wait", async () => {
  const repo = tempRepo();
  const app = openUseCases(repo.dir, {}, () => undefined);
  await app.init({ branch: undefined, dir: undefined, another: false });
  const { id } = await app.publish("---\ntitle: Mine\n---\nFix it.\n");
  const waits = { code: "NOT_FOUND", message: expect.stringContaining(`${id} is no task yet: inbox/${id}.md waits`) };
  await expect(app.show(id)).rejects.toMatchObject(waits);
  await expect(app.log(id)).rejects.toMatchObject(waits);
  for (const part of [id.slice(-6), id])
    expect(await app.stop(part)).toEqual({ task: { id, status: "queued" }, asked: true });
  expect(repo.read(`inbox/${id}.md`)).toBe("---\ntitle: Mine\ncancel: true\n---\nFix it.\n");

  repo.write("inbox/20261120-141530-k3f9x2.md", "A person's own.\n");
  await expect(app.stop("k3f9x2")).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: expect.stringMatching(/^there is no task "k3f9x2"/),
  });
  expect(repo.read("inbox/20261120-141530-k3f9x2.md")).toBe("A person's own.\n");
});
