import { accountId, contactIdOf, huntId, personId } from "@outrider/contracts/ids";
import { testMongo } from "@outrider/stack/testing";
import { type Db, MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openCandidates } from "./candidates.ts";
import { droppedAtOnce, names } from "./config.ts";
import { keptDays, shelvesIn } from "./tidy.ts";
import { idOf } from "./views.ts";

let client: MongoClient;
let db: Db;
beforeAll(async () => {
  const mongo = await testMongo();
  client = await MongoClient.connect(mongo.url);
  db = client.db(mongo.database);
  await shelvesIn(db).ensureIndexes();
});
afterAll(() => client.close());

const account = accountId.parse("garage");
const hunt = huntId.parse("clios");
const old = "2025-01-01T10:00:00.000Z";
const recent = "2026-11-01T10:00:00.000Z";
const since = "2025-10-01T00:00:00.000Z";
const person = (index: number) => personId.parse(`p${index}`);
const contactedBy = (index: number, at: string, hunts = [hunt]) => ({
  ...{ _id: idOf(account, person(index)), account, person: person(index), denials: {}, lastMs: Date.parse(at) },
  contacts: hunts.map((each) => ({
    ...{ hunt: each, contact: contactIdOf(account, each, person(index), 1), at, channel: "sms", purpose: "prospecting", run: "r", pass: 1 },
  })),
});
const gated = (index: number, at: string) => {
  const contact = contactIdOf(account, hunt, person(index), 1);
  return { _id: idOf(account, contact), account, contact, at, atMs: Date.parse(at), rule: "paused" };
};
const insert = (name: string, documents: readonly object[]) =>
  db.collection(name).insertMany(documents.map((each) => ({ ...each })) as never);
const ad = (index: number) => ({
  ...{ _id: idOf(account, `a${index}`), account, ad: `a${index}`, person: person(index), publishedMs: Date.parse(recent) },
  ...{ seenMs: Date.parse(recent), title: "Clio", noCanvassing: false, ownerType: "private" },
});

test("whom a hunt contacted long ago is forgotten, page by page, with how it ended; whom it contacted lately is not", async () => {
  const many = droppedAtOnce + 50;
  await insert(names.contacted, [
    ...Array.from({ length: many }, (_, index) => contactedBy(index, old)),
    ...Array.from({ length: 10 }, (_, index) => contactedBy(many + index, recent)),
  ]);
  await insert(names.gated, [gated(0, old), gated(many, recent)]);
  const dropped = await shelvesIn(db).dropOld({ adsMs: 0, contactedMs: Date.parse(since), requestedMs: 0 });
  expect(dropped).toBe(many + 1);
  expect(await db.collection(names.contacted).countDocuments()).toBe(10);
  expect(await db.collection(names.gated).find().toArray()).toMatchObject([{ at: recent }]);
  expect(await shelvesIn(db).dropOld({ adsMs: 0, contactedMs: Date.parse(since), requestedMs: 0 })).toBe(0);
});

test("before it is dropped it is not read any more: the person is as new to the hunt, and what ended gated does not count as made", async () => {
  const candidates = openCandidates(db, { page: 100, huntsPage: 100, rememberedSince: () => since });
  await insert(names.ads, [ad(90_001), ad(90_002)]);
  await insert(names.contacted, [contactedBy(90_001, old), { ...contactedBy(90_002, recent), denials: { clios: { at: old, rule: "x" } } }]);
  await insert(names.gated, [gated(90_002, recent)]);
  const forgotten = await candidates.person(account, person(90_001));
  expect(forgotten.contacted?.contacts).toEqual([]);
  const scanned = (await Array.fromAsync(candidates.scan(account, 0))).flat();
  expect(scanned).toHaveLength(2);
  const [one, other] = scanned;
  expect(one?.contacted?.contacts).toEqual([]);
  expect(other?.contacted?.contacts).toHaveLength(1);
  expect([...(other?.gated.values() ?? [])]).toEqual([recent]);
});

test("no account forgets sooner than it may ask again", () => {
  const of = (...days: number[]) => ({ all: () => days.map((recontactAfterDays) => ({ policy: { recontactAfterDays } })) }) as never;
  expect(keptDays(of(30, 90), 400)).toBe(400);
  expect(keptDays(of(30, 3650), 400)).toBe(3651);
});
