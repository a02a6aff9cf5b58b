import * as v from "valibot";

/** Returns the schema of a whole number from `least` to `most`, and what it is for. */
export function whole(least: number, most: number, about: string) {
  return v.pipe(
    v.number(),
    v.integer("expected a whole number"),
    v.minValue(least, `expected ${least} or more`),
    v.maxValue(most, `expected ${most} or less`),
    v.description(about),
  );
}

/** Returns the schema of a text of `least` to `most` characters, and what it is for. */
export function text(least: number, most: number, about: string) {
  return v.pipe(
    v.string(),
    v.minLength(least, "expected some text"),
    v.maxLength(most, `expected at most ${most} characters`),
    v.description(about),
  );
}
