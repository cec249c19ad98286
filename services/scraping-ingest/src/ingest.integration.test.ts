import { hashId, personId } from "@outrider/contracts/ids";
import { streams, subjects } from "@outrider/contracts/streams";
import { keyIds, type Service } from "@outrider/platform";
import { openTestService } from "@outrider/platform/testing";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { badRows, definition, type IngestConfig } from "./config.ts";
import { openIngest } from "./ingest.ts";
import { openWorld, testAccount, type World } from "./testing/world.ts";

let nats: ThrowAwayNats;
let world: World;
let service: Service<IngestConfig>;

beforeAll(async () => {
  nats = await throwAwayNats();
  world = await openWorld(nats.url);
  service = await openTestService(definition, { NATS_URL: nats.url, LOG_LEVEL: process.env["LOG_LEVEL"] ?? "silent" });
  await openIngest(service);
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await world.service[Symbol.asyncDispose]();
  await nats.stop();
});

const row = (at: number, price = 1000 + at) => `id-${at},Peugeot ${at},${price},+336000000${String(at).padStart(2, "0")},call me ${at}`;
const file = (...rows: string[]) => ["sourceId,title,price,phone,description", ...rows, ""].join("\n");
const rows = (count: number) => Array.from({ length: count }, (_, at) => row(at));

test("a file of ten rows becomes ten listed ads", async () => {
  const account = testAccount("ten-rows");
  await world.upload(account, "one", file(...rows(10)));
  await world.start(account, "one");
  const { status, counts } = await world.ended(account, "one");
  expect({ status, counts }).toEqual({ status: "finished", counts: { read: 10, new: 10, changed: 0, duplicate: 0, bad: 0 } });
  const listed = await world.events(account, "ad");
  expect(listed.map(({ type }) => type)).toEqual(Array(10).fill("AdListed"));
  expect(JSON.stringify(listed)).not.toContain("call me");
});

test("the same file again brings nothing new, and a price drop is one change", async () => {
  const account = testAccount("again");
  const counts = async (id: string, ...lines: string[]) => {
    await world.upload(account, id, file(...lines));
    await world.start(account, id);
    return (await world.ended(account, id)).counts;
  };
  expect(await counts("first", ...rows(30))).toEqual({ read: 30, new: 30, changed: 0, duplicate: 0, bad: 0 });
  expect(await counts("second", ...rows(30))).toEqual({ read: 30, new: 0, changed: 0, duplicate: 30, bad: 0 });
  const cheaper = rows(30).with(7, row(7, 900));
  expect(await counts("third", ...cheaper, row(40), row(40))).toEqual({ read: 32, new: 1, changed: 1, duplicate: 30, bad: 0 });
  const changes = (await world.events(account, "ad")).filter(({ type }) => type === "AdChanged");
  expect(changes).toHaveLength(1);
  expect(changes[0]?.data).toMatchObject({ changed: ["price"], previousPrice: 1007, ad: { price: 900, sourceId: "id-7" } });
});

test("bad rows are kept aside with line and reason, sealed, and the rest goes on", async () => {
  const account = testAccount("bad-rows");
  await world.upload(account, "one", file(row(1), "Jean Dupont,too few", row(2), 'x,"never closed,1,,', row(3)));
  await world.start(account, "one");
  expect((await world.ended(account, "one")).counts).toEqual({ read: 5, new: 3, changed: 0, duplicate: 0, bad: 2 });
  const events = await world.events(account, "import");
  const bad = events.flatMap((event) => (event.type === "ImportProgressed" ? event.data.bad : []));
  expect(bad.map(({ line, reason }) => [line, reason])).toEqual([
    [3, "line 3: 2 fields where the headers have 5"],
    [5, "line 5: the quote opened in column title is not closed"],
  ]);
  expect(JSON.stringify(events)).not.toContain("Dupont");
  const kept = bad[0]?.row;
  expect(kept && (await world.service.keyring.open(kept))).toBe("Jean Dupont,too few");
});

test("of very many bad rows so much is kept as fits into one message, each with its own words", async () => {
  const account = testAccount("very-bad-rows");
  const bad = [...Array.from({ length: 70 }, (_, n) => `bad-${n} ${"x".repeat(980)}`), "bad-70 short", "bad-71 short"];
  await world.upload(account, "one", file(...bad));
  await world.start(account, "one");
  expect((await world.ended(account, "one")).counts).toMatchObject({ read: 72, bad: 72 });
  const events = await world.events(account, "import");
  const told = events.flatMap((event) => (event.type === "ImportProgressed" ? event.data.bad : []));
  expect(told.map(({ line }) => line)).toEqual(bad.map((_, n) => n + 2));
  const opened = await Promise.all(told.map(({ row }) => (row === undefined ? undefined : world.service.keyring.open(row))));
  const characters = opened.reduce((sum, text = "") => sum + text.length, 0);
  expect(characters).toBeLessThanOrEqual(badRows.keptCharacters);
  expect(characters).toBeGreaterThan(badRows.keptCharacters - 1000);
  expect(opened.map((text) => text?.split(" ")[0])).toEqual(bad.map((_, n) => (opened[n] === undefined ? undefined : `bad-${n}`)));
  expect(opened.slice(-2)).toEqual(["bad-70 short", "bad-71 short"]);
});

test("a file that cannot be read fails in words, and so does an upload that is not whole", async () => {
  const account = testAccount("unreadable");
  await world.upload(account, "headers", "titel,prix\n1,2\n");
  await world.start(account, "headers");
  expect(await world.ended(account, "headers")).toMatchObject({ status: "failed", reason: expect.stringContaining('"title" for "titel"') });
  await world.upload(account, "gap", file(...rows(30)), { pieceBytes: 500, without: 2 });
  await world.start(account, "gap");
  expect(await world.ended(account, "gap")).toMatchObject({ status: "failed", reason: expect.stringContaining("Piece 3") });
  // A file is parsed from 64 KB on: a long one breaks off after what has been imported, and that is counted.
  await world.upload(account, "late", file(...Array.from({ length: 4000 }, (_, at) => row(at))), { pieceBytes: 100_000, without: 1 });
  await world.start(account, "late");
  const late = await world.ended(account, "late");
  expect(late).toMatchObject({ status: "failed", reason: expect.stringContaining("Piece 2") });
  expect(late.counts.new).toBeGreaterThan(1000);
  expect(await world.events(account, "ad")).toHaveLength(late.counts.new);
});

test("a piece that was stored twice is read once", async () => {
  const account = testAccount("twice");
  await world.upload(account, "one", file(...rows(30)), { pieceBytes: 500, twice: 1 });
  await world.start(account, "one");
  expect((await world.ended(account, "one")).counts).toEqual({ read: 30, new: 30, changed: 0, duplicate: 0, bad: 0 });
});

test("an upload is gone when its import has ended", async () => {
  const account = testAccount("purged");
  await world.upload(account, "one", file(...rows(3)));
  await world.start(account, "one");
  await world.ended(account, "one");
  const subject = subjects.upload(account, "one");
  await expect
    .poll(async () => (await world.service.jsm.streams.info(streams.uploads.name, { subjects_filter: subject })).state.subjects ?? {})
    .toEqual({});
});

test("ads without a number get one in row order, the same every time", async () => {
  const account = testAccount("fiction");
  const lines = ["a,A,1,,", "b,B,2,,", "c,C,3,+33600000000,"];
  const people = async (id: string, ...given: string[]) => {
    await world.upload(account, id, file(...given));
    await world.start(account, id, { fictionNumbers: true });
    return (await world.ended(account, id)).counts;
  };
  expect(await people("first", ...lines)).toMatchObject({ new: 3 });
  const listed = await world.events(account, "ad");
  const owners = listed.map((event) => ("ad" in event.data ? event.data.ad.person : undefined));
  const expected = ["+33639980000", "+33639980001", "+33600000000"].map((number) => hashId("person", account, number));
  expect(owners.toSorted()).toEqual(expected.toSorted());
  // In another order the rows would get other numbers; an ad that has an owner keeps it.
  expect(await people("second", ...lines.toReversed())).toMatchObject({ new: 0, changed: 0, duplicate: 3 });
});

test("of 10,001 ads without a number the last has the first one's owner", async () => {
  const account = testAccount("many-fictions");
  const bare = Array.from({ length: 10_001 }, (_, at) => `id-${at},A,1,,`);
  await world.upload(account, "one", file(...bare));
  await world.start(account, "one", { fictionNumbers: true });
  expect((await world.ended(account, "one")).counts).toMatchObject({ read: 10_001, new: 10_001 });
  const ads = (await world.events(account, "ad")).flatMap((event) => ("ad" in event.data ? [event.data.ad] : []));
  const ownerOf = (row: number) => ads.find(({ sourceId }) => sourceId === `id-${row - 1}`)?.person;
  expect(new Set(ads.map(({ person }) => person)).size).toBe(10_000);
  expect(ownerOf(10_001)).toBe(ownerOf(1));
  expect(ownerOf(10_000)).not.toBe(ownerOf(1));
});

test("an erased owner's ad is stored without what is personal", async () => {
  const account = testAccount("erased");
  world.erasedNumbers.add("+33600000003");
  await world.upload(account, "one", file(row(3), row(4)));
  await world.start(account, "one");
  expect((await world.ended(account, "one")).counts).toMatchObject({ new: 2 });
  const ads = (await world.events(account, "ad")).flatMap((event) => ("ad" in event.data ? [event.data.ad] : []));
  expect(ads.find(({ sourceId }) => sourceId === "id-3")?.description).toBeUndefined();
  // What is sealed of the next one is its own.
  const next = ads.find(({ sourceId }) => sourceId === "id-4")?.description;
  expect(next?.k).toBe(keyIds.person(account, personId.parse(hashId("person", account, "+33600000004"))));
  expect(next && (await world.service.keyring.open(next))).toBe("call me 4");
});
