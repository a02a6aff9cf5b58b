import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerProblem } from "../../../src/task/state/answer-shape.ts";

const SCHEMA = {
  type: "object",
  properties: {
    word: { type: "string" },
    count: { type: ["integer", "null"] },
    colour: { enum: ["red", "green", null] },
    kind: { const: "bird" },
    list: { type: "array", items: { type: "object", properties: { name: { type: "string" } }, required: ["name"] } },
    any: {},
  },
  required: ["word"],
  additionalProperties: false,
};

describe("an answer that was asked for in a shape", () => {
  it.each<{ answer: unknown; problem: string | undefined }>([
    { answer: { word: "plover" }, problem: undefined },
    {
      answer: { word: "", count: null, colour: null, kind: "bird", list: [{ name: "a" }], any: [{}] },
      problem: undefined,
    },
    { answer: { count: 1 }, problem: 'the answer has no "word"' },
    { answer: { word: 1 }, problem: 'the answer["word"] is no string' },
    { answer: { word: "a", count: 1.5 }, problem: 'the answer["count"] is no integer or null' },
    {
      answer: { word: "a", colour: "blue" },
      problem: 'the answer["colour"] is none of the values that were asked for',
    },
    { answer: { word: "a", kind: "fish" }, problem: 'the answer["kind"] is none of the values that were asked for' },
    { answer: { word: "a", list: {} }, problem: 'the answer["list"] is no array' },
    { answer: { word: "a", list: [{ name: "a" }, {}] }, problem: 'the answer["list"][1] has no "name"' },
    { answer: { word: "a", more: 1 }, problem: 'the answer has "more", which was not asked for' },
    { answer: { word: "a", toString: 1 }, problem: 'the answer has "toString", which was not asked for' },
    { answer: ["plover"], problem: "the answer is no object" },
    { answer: null, problem: "the answer is no object" },
  ])("$answer: $problem", ({ answer, problem }) => {
    expect(answerProblem(JSON.stringify(answer), JSON.stringify(SCHEMA))).toBe(problem);
  });

  it.each([
    { answer: "I cannot do that.", problem: "the answer is no JSON" },
    { answer: '{"word": "plo', problem: "the answer is no JSON" },
    { answer: " \n", problem: "there is no answer" },
  ])("$answer: $problem", ({ answer, problem }) => {
    expect(answerProblem(answer, JSON.stringify(SCHEMA))).toBe(problem);
  });

  it.each(["{nope", "true", "[]", '{"type":"text"}', '{"properties":1,"required":{},"items":3,"enum":{},"type":{}}'])(
    "says nothing about what it does not know: %s",
    (schema) => {
      for (const answer of ["1", "{}", "[1]", '{"a":{"b":1}}']) expect(answerProblem(answer, schema)).toBeUndefined();
    },
  );

  it("never throws, whatever stands in both", () => {
    const key = fc.constantFrom(
      "type",
      "enum",
      "const",
      "required",
      "properties",
      "items",
      "additionalProperties",
      "a",
    );
    const json = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom("object", "array", "string", "a", 1, null, false),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(key, tie("value"), { maxKeys: 4 }),
      ),
    })).value;
    fc.assert(
      fc.property(json, json, (answer, schema) => {
        const problem = answerProblem(JSON.stringify(answer), JSON.stringify(schema));
        expect(problem === undefined || problem.startsWith("the answer")).toBe(true);
      }),
    );
  });
});
