import { expect, test } from "vitest";
import { segmentsOf } from "./segments.ts";

const of = (text: string) => {
  const { encoding, characters, segments } = segmentsOf(text);
  return [encoding, characters, segments];
};

test("160 characters of GSM-7 are one segment, 161 are two of 153", () => {
  expect(of("a".repeat(160))).toEqual(["GSM-7", 160, 1]);
  expect(of("a".repeat(161))).toEqual(["GSM-7", 161, 2]);
  expect(of("a".repeat(306))).toEqual(["GSM-7", 306, 2]);
  expect(of("a".repeat(307))).toEqual(["GSM-7", 307, 3]);
});

test("French accents of GSM-7 cost one, those outside it turn the text into UCS-2", () => {
  expect(of("à é è ù Ç")).toEqual(["GSM-7", 9, 1]);
  expect(of("forêt")).toEqual(["UCS-2", 5, 1]);
});

test("characters of the extension table count two", () => {
  expect(of("€[]{}\\^~|")).toEqual(["GSM-7", 18, 1]);
  expect(of("€".repeat(80))).toEqual(["GSM-7", 160, 1]);
  expect(of("€".repeat(81))).toEqual(["GSM-7", 162, 2]);
});

test("an escape pair is not torn by the end of a segment", () => {
  expect(of(`${"a".repeat(152)}€${"a".repeat(152)}`)).toEqual(["GSM-7", 306, 3]);
});

test("70 units of UCS-2 are one segment, 71 are two of 67, and an emoji takes two units", () => {
  expect(of("ж".repeat(70))).toEqual(["UCS-2", 70, 1]);
  expect(of("ж".repeat(71))).toEqual(["UCS-2", 71, 2]);
  expect(of("🚗")).toEqual(["UCS-2", 2, 1]);
  expect(of(`${"ж".repeat(66)}🚗${"ж".repeat(66)}`)).toEqual(["UCS-2", 134, 3]);
});

test("nothing is no segment", () => {
  expect(of("")).toEqual(["GSM-7", 0, 0]);
});
