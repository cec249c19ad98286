import { adId, huntId, lineId, personId } from "@outrider/contracts/ids";
import { expect, test } from "vitest";
import { allocate } from "./allocate.ts";
import { only } from "./only.ts";
import { pagesOf } from "./rendering.ts";
import type { Candidate, HuntInPlay } from "./survey.ts";

const line = lineId.parse("phone-1");
const huntOf = (name: string, priority = 5): HuntInPlay => ({
  ...{ hunt: huntId.parse(name), priority, routes: [{ channel: "sms", line, price: 1 }], wants: () => true },
  ...{ left: null, allocatedToday: 0, allocatedInPass: 0 },
});
const someone = (index: number): Candidate => ({
  person: personId.parse(`p${index}`),
  ads: [
    {
      ...{ ad: adId.parse(`a${index}`), source: "s", title: "t", ownerType: "private", noCanvassing: false },
      publishedMs: (index * 7919) % 10_007,
    },
  ],
});
const judge = () => ({ allowed: true }) as const;

test("of far more people than a pass can take, it takes those with the newest ads, and counts the others", () => {
  const candidates = Array.from({ length: 10_000 }, (_, index) => someone(index));
  const capacity = { account: 50, lines: new Map([[line, null]]), credits: 1000, contacts: 1000 };
  const { rows, tallies } = allocate({ hunts: [huntOf("a"), huntOf("b", 9)], candidates, capacity, judge });
  const newest = candidates.toSorted((one, other) => (other.ads[0]?.publishedMs ?? 0) - (one.ads[0]?.publishedMs ?? 0)).slice(0, 50);
  expect(new Set(rows.map(({ person }) => person))).toEqual(new Set(newest.map(({ person }) => person)));
  for (const { found, allocated, skipped } of tallies) {
    expect(found).toBe(10_000);
    expect(allocated + (skipped["account-daily-limit"] ?? 0) + (skipped["contacted-recently"] ?? 0)).toBe(10_000);
  }
});

test("the dearer channel is left where its line or the credits do not reach, and the next one is taken", () => {
  const other = lineId.parse("session-1");
  const routes = [
    { channel: "whatsapp", line: other, price: 3 },
    { channel: "sms", line, price: 1 },
  ] as const;
  const lines = new Map([
    [line, null],
    [other, 2],
  ]);
  const candidates = Array.from({ length: 5 }, (_, index) => someone(index));
  const { rows, credits } = allocate({
    hunts: [{ ...huntOf("a"), routes }],
    candidates,
    capacity: { account: null, lines, credits: 8, contacts: 100 },
    judge,
  });
  expect(rows.map(({ channel }) => channel)).toEqual(["whatsapp", "whatsapp", "sms", "sms"]);
  expect(credits).toBe(8);
});

test("a line of which nothing is known has nothing left", () => {
  const candidates = Array.from({ length: 3 }, (_, index) => someone(index));
  const capacity = { account: null, lines: new Map([[lineId.parse("another"), null]]), credits: 10, contacts: 100 };
  const { rows, tallies } = allocate({ hunts: [huntOf("a")], candidates, capacity, judge });
  expect(rows).toEqual([]);
  expect(tallies).toMatchObject([{ found: 3, allocated: 0, skipped: { "line-daily-limit": 3 } }]);
});

test("pages end at their most rows or bytes, whichever comes first, and keep the order", () => {
  const row = (text: string) => ({ text: { k: "k", v: text } }) as Parameters<typeof pagesOf>[0][number];
  const small = Array.from({ length: 7 }, (_, index) => row(`${index}`));
  expect(pagesOf(small, { mostRows: 3, mostBytes: 10_000 }).map(({ length }) => length)).toEqual([3, 3, 1]);
  const large = [row("a".repeat(600)), row("b".repeat(600)), row("c")];
  expect(pagesOf(large, { mostRows: 3, mostBytes: 1000 }).map(({ length }) => length)).toEqual([1, 2]);
});

test("a reader of few events passes over the rest unread", () => {
  const bytes = (type: string) => new TextEncoder().encode(JSON.stringify({ at: "t", events: [{ type, version: 1, data: {} }] }));
  const codec = only({ encode: () => new Uint8Array(), decode: () => ({ kind: "events", at: "t", events: ["read"] }) as const }, "Wanted");
  expect(codec.decode(bytes("Wanted"))).toMatchObject({ events: ["read"] });
  expect(codec.decode(bytes("Other"))).toMatchObject({ events: [] });
});
