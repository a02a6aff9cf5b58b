import { expect, it } from "vitest";
import {
  type Directive,
  DirectiveError,
  parseDirectives,
  withoutDirectives,
} from "../../demo/model-server/directive.ts";

it.each<{ name: string; message: string; directives: readonly Directive[] }>([
  { name: "an ordinary message has none", message: "fix a[[0]] and [[ -f x ]]", directives: [] },
  { name: "text keeps its lines", message: "[[say: a\n b]]", directives: [{ kind: "say", text: "a\n b" }] },
  {
    name: "what follows the final answer is not read",
    message: "[[final: done]] [[nonsense]]",
    directives: [{ kind: "final", text: "done" }],
  },
  {
    name: "a command may hold brackets and colons",
    message: "[[shell: if [[ -f a:b ]]; then cat a:b; fi]]",
    directives: [{ kind: "shell", command: "if [[ -f a:b ]]; then cat a:b; fi" }],
  },
  {
    name: "a file's content may begin on the next line",
    message: "[[write docs/a b.md:\n# A\n\ntext\n]]",
    directives: [{ kind: "write", path: "docs/a b.md", content: "# A\n\ntext\n" }],
  },
  {
    name: "a fault may be limited",
    message: "[[sleep 20 x1]][[hang x2]][[disconnect]]",
    directives: [
      { kind: "sleep", delayMs: 20, times: 1 },
      { kind: "hang", times: 2 },
      { kind: "disconnect", times: undefined },
    ],
  },
  {
    name: "an error takes fields, quoted where they hold blanks",
    message: '[[http 429 type=usage_limit_reached resets-in=60 message="a: b" x3]] [[response.failed server_error]]',
    directives: [
      {
        kind: "http",
        status: 429,
        fields: { type: "usage_limit_reached", "resets-in": "60", message: "a: b" },
        times: 3,
      },
      { kind: "failed", code: "server_error", fields: {}, times: undefined },
    ],
  },
  {
    name: "the rest",
    message: "[[stream 3 10]] [[transcript]] [[echo]]",
    directives: [{ kind: "stream", count: 3, delayMs: 10 }, { kind: "transcript" }, { kind: "echo" }],
  },
])("$name", ({ message, directives }) => {
  expect(parseDirectives(message).map(({ directive }) => directive)).toEqual(directives);
});

it.each([
  "[[wrte a: b]]",
  "[[write: no path]]",
  "[[shell]]",
  "[[sleep soon]]",
  "[[stream 3]]",
  "[[http 42]]",
  "[[http 500 x1 often]]",
  "[[hang on]]",
  "[[echo: x]]",
  "[[response.failed]]",
])("refuses %s", (message) => {
  expect(() => parseDirectives(message)).toThrow(DirectiveError);
});

it("gives two equal directives of one message a place each", () => {
  const places = parseDirectives("[[hang x1]] [[hang x1]]").map(({ place }) => place);
  expect(new Set(places).size).toBe(2);
});

it("leaves the words around directives", () => {
  expect(withoutDirectives("do [[say: [[ x ]]]]this[[hang]] [[open")).toBe("do this [[open");
});
