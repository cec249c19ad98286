import fc from "fast-check";
import { expect, test } from "vitest";
import { parseForm } from "./form.ts";

test("reads every form as URLSearchParams writes it", () => {
  const text = fc.string({ unit: "binary" }).filter((value) => value.isWellFormed());
  fc.assert(
    fc.property(
      fc.dictionary(
        text.filter((name) => name !== ""),
        text,
      ),
      (fields) => {
        expect(parseForm(new URLSearchParams(fields).toString())).toEqual(new Map(Object.entries(fields)));
      },
    ),
  );
});

test("lets the last of equal names win, and takes a name without a value", () => {
  expect(parseForm("a=1&b&&a=2=3")).toEqual(
    new Map([
      ["a", "2=3"],
      ["b", ""],
    ]),
  );
});

test("reads a plus as a blank and an escaped plus as a plus", () =>
  expect(parseForm("to=+33&by=%2B33")).toEqual(
    new Map([
      ["to", " 33"],
      ["by", "+33"],
    ]),
  ));

test("says no to a broken escape", () => expect(parseForm("message=%E9%zz")).toBeUndefined());
