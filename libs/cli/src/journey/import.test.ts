import { expect, test } from "vitest";
import { importedText } from "./import.ts";

const none = { read: 0, new: 0, changed: 0, duplicate: 0, bad: 0 };

test.each([
  [none, "imported 0 rows"],
  [{ ...none, read: 1, new: 1 }, "imported 1 row: 1 new"],
  [{ ...none, read: 1200, new: 1100, duplicate: 99, bad: 1 }, "imported 1,200 rows: 1,100 new, 99 duplicate, 1 bad"],
])("what became of %j is told in a line", (counts, text) => expect(importedText(counts)).toBe(text));
