import fc from "fast-check";
import { expect, test } from "vitest";
import { pathTo, v1, webhook } from "./api.ts";

test("a path holds its parameters, encoded, and what its query says", () => {
  expect(pathTo(v1.hunts.list, {})).toBe("/v1/hunts");
  expect(pathTo(v1.hunts.show, { hunt: "a b/c?d#e:f" })).toBe("/v1/hunts/a%20b%2Fc%3Fd%23e%3Af");
  expect(pathTo(v1.dead.retry, { service: "sms-sender", seq: 12 })).toBe("/v1/dead/sms-sender/12/retry");
  expect(pathTo(v1.contacts.list, {}, { limit: 100, hunt: "é&x", run: undefined })).toBe("/v1/contacts?limit=100&hunt=%C3%A9%26x");
  expect(pathTo(webhook.byBody, { provider: "smsmobileapi", account: "garage", secret: "s-_" })).toBe("/webhooks/smsmobileapi/garage/s-_");
});

test("whoever reads the address gets back what was put in, and nothing else of the path moves", () => {
  const text = fc.string({ minLength: 1, unit: "binary" }).filter((value) => value !== "." && value !== "..");
  fc.assert(
    fc.property(text, fc.string({ unit: "binary" }), (hunt, cursor) => {
      const { pathname, searchParams } = new URL(pathTo(v1.hunts.show, { hunt }), "http://gateway");
      const [, version, resource, id = "", ...more] = pathname.split("/");
      expect([version, resource, decodeURIComponent(id), more, searchParams.size]).toEqual(["v1", "hunts", hunt, [], 0]);
      const asked = new URL(pathTo(v1.hunts.list, {}, { cursor }), "http://gateway");
      expect([...asked.searchParams]).toEqual([["cursor", cursor]]);
    }),
  );
});

test.each([
  ["", "the parameter hunt of /v1/hunts/:hunt is empty"],
  [".", 'the parameter hunt of /v1/hunts/:hunt is ".", which no path can hold'],
  ["..", 'the parameter hunt of /v1/hunts/:hunt is "..", which no path can hold'],
  ["half a \ud83d", 'the parameter hunt of /v1/hunts/:hunt is "half a \\ud83d", which no path can hold'],
])("%j names no hunt", (hunt, sentence) => {
  expect(() => pathTo(v1.hunts.show, { hunt })).toThrow(new RangeError(sentence));
});

test("a parameter or a field that is missing, or that the route does not know, is found by the compiler", () => {
  // @ts-expect-error: the path needs a hunt
  expect(() => pathTo(v1.hunts.show, {})).toThrow(/hunt .* is empty/);
  // @ts-expect-error: the path needs a number, too
  expect(() => pathTo(v1.dead.show, { service: "sms-sender" })).toThrow(/seq .* is empty/);
  // @ts-expect-error: hunts are not asked for by person
  pathTo(v1.hunts.list, {}, { person: "p" });
});

test("no two routes are the same", () => {
  const all = Object.values(v1).flatMap((group) => Object.values(group).map(({ method, url }) => `${method} ${url}`));
  expect(all.filter((route) => !/^[A-Z]+ \/v1\/[a-z0-9/:.-]+$/.test(route))).toEqual([]);
  expect(new Set(all).size).toBe(all.length);
});
