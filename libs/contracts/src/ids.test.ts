import fc from "fast-check";
import { expect, test } from "vitest";
import { accountId, adIdOf, contactIdOf, hashId, huntId, idFromKey, partitionOf, personId, runIdOf } from "./ids.ts";

const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const token = /^[A-Za-z0-9_-]{1,64}$/;

test("an id that is let in is one whole subject token", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), id), (text) => {
      const checked = accountId.safeParse(text);
      expect(checked.success).toBe(token.test(text));
      if (checked.success) expect(`a.${text}.b`.split(".")).toHaveLength(3);
    }),
  );
  for (const bad of ["", "a.b", "*", ">", "a b", "a\n", "é", "a".repeat(65), "a\u0000"])
    expect(personId.safeParse(bad).success).toBe(false);
});

test("an id that we make is a token, whatever goes in, the same every time, and shows nothing of it", () => {
  fc.assert(
    fc.property(id, fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (name, source, key) => {
      const account = accountId.parse(name);
      const made = [adIdOf(account, source, key), idFromKey(source, account, key), hashId(source, key, 1)];
      for (const each of made) expect(each).toMatch(/^[A-Za-z0-9_-]{22}$/);
      expect(adIdOf(account, source, key)).toBe(made[0]);
    }),
  );
});

test("ids on disk never change", () => {
  const account = accountId.parse("acme");
  expect(adIdOf(account, "lobstr", "1234567")).toBe("pKm0RoP9-sun7kPXnsigyO");
  expect(contactIdOf(account, huntId.parse("h1"), personId.parse("p1"), 1)).toBe("ZbEDd6-wKDYvfDFLVY5k2M");
  expect(idFromKey("hunt", account, "k1")).toBe("DPWNo1MXNJcTRC8qODtHks");
  expect(runIdOf("2026-11-21")).toBe("2026-11-21");
});

test("the partition of an account is on disk: two digits below 64 that never change", () => {
  const pinned = { acme: "47", system: "28", a: "44", "Zz_-9": "48" };
  expect(Object.fromEntries(Object.keys(pinned).map((account) => [account, partitionOf(account)]))).toEqual(pinned);
  fc.assert(
    fc.property(id, (account) => {
      expect(partitionOf(account)).toMatch(/^([0-5]\d|6[0-3])$/);
    }),
  );
});

test("accounts spread over the partitions", () => {
  const counts = new Map<string, number>();
  for (let n = 0; n < 6400; n++) counts.set(partitionOf(hashId(n)), (counts.get(partitionOf(hashId(n))) ?? 0) + 1);
  expect(counts.size).toBe(64);
  expect(Math.max(...counts.values())).toBeLessThan(200);
});
