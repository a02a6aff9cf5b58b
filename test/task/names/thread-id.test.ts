import { expect, it } from "vitest";
import { isThreadId } from "../../../src/task/names/thread-id.ts";

it.each<{ text: string; is: boolean }>([
  { text: "01a1f950-5f71-7472-a9b5-7a2032cb912c", is: true },
  { text: "01A1F950-5F71-7472-A9B5-7A2032CB912C", is: false },
  { text: "01a1f9505f717472a9b57a2032cb912c", is: false },
  { text: "{01a1f950-5f71-7472-a9b5-7a2032cb912c}", is: false },
  { text: "urn:uuid:01a1f950-5f71-7472-a9b5-7a2032cb912c", is: false },
  { text: "01a1f950-5f71-7472-a9b5-7a2032cb912c\n", is: false },
  { text: "--last", is: false },
  { text: "", is: false },
])("takes $text for a thread id: $is", ({ text, is }) => expect(isThreadId(text)).toBe(is));
