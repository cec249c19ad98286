import { type ContactEvent, contactCodec } from "@outrider/contracts/contact";
import { documents, type ViewName } from "@outrider/contracts/documents";
import { accountId, contactId, hashId, huntId, lineId, personId } from "@outrider/contracts/ids";
import { positionsCollection, projectorCommands, readerOf, viewAlias, viewsCollection } from "@outrider/contracts/projector";
import { streams, subjects } from "@outrider/contracts/streams";
import { ensureStream, headerLine, jetStreamStore, type Kernel } from "@outrider/eventing";
import { kernelOf, openMongo, openService, parseConfig, type Service } from "@outrider/platform";
import { type TestMongo, type ThrowAwayNats, testMongo, throwAwayNats } from "@outrider/stack/testing";
import type { Db } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { definition, type ProjectorConfig } from "./config.ts";
import { openProjector } from "./projector.ts";

let nats: ThrowAwayNats;
let mongo: TestMongo;
let world: Service<ProjectorConfig>;
let kernel: Kernel;
let db: Db;
const opened: Service<ProjectorConfig>[] = [];

const configured = (): ProjectorConfig => {
  const environment = { NATS_URL: nats.url, MONGODB_URL: mongo.url, MONGODB_DATABASE: mongo.database, LOG_LEVEL: "silent" };
  const quick = { PROJECTOR_LINGER_MS: "20", PROJECTOR_LOOK_EVERY_MS: "100", PROJECTOR_KEEP_OLD_MS: "200" };
  const parsed = parseConfig(definition, { ...environment, ...quick });
  if (!parsed.ok) throw new Error(parsed.problems.join("; "));
  return parsed.config;
};
const open = async (replica: string) => {
  const service = await openService({ ...configured(), OUTRIDER_REPLICA: replica }, { ownsProcess: false, leaseTtlMs: 1500 });
  opened.push(service);
  await openProjector(service);
  return service;
};

beforeAll(async () => {
  [nats, mongo] = await Promise.all([throwAwayNats(), testMongo()]);
  world = await openService({ ...configured(), service: "gateway" }, { ownsProcess: false });
  kernel = kernelOf(world);
  ({ db } = await openMongo(world));
  for (const declared of [streams.sms, streams.hunts, streams.registry, streams.ledger, streams.ads])
    await ensureStream(world.jsm, declared);
});
afterAll(async () => {
  for (const service of [...opened, world]) await service[Symbol.asyncDispose]();
  await nats.stop();
});

const account = accountId.parse("garage");
const at = "2026-11-20T10:00:00.000Z";
const revisions = new Map<string, number>();
const write = async (id: string, ...events: ContactEvent[]): Promise<number> => {
  const store = jetStreamStore({ jsm: kernel.jsm, publisher: kernel.publisher, stream: streams.sms.name, codec: contactCodec });
  const command = crypto.randomUUID();
  const append = { commandId: command, executionId: command, at, events, expected: revisions.get(id) ?? 0, closing: 0 };
  const appended = await store.append(subjects.smsContact(account, id), append, performance.now() + 10_000);
  if (appended.kind === "conflict") throw new Error(`${id} has moved`);
  revisions.set(id, appended.revision);
  return appended.revision;
};
const paid = { reservation: "garage:1", credits: 1 };
const requested = (id: string): ContactEvent => ({
  type: "ContactRequested",
  data: {
    contact: contactId.parse(id),
    person: personId.parse(hashId(id)),
    channel: "sms",
    line: lineId.parse("line-1"),
    hunt: huntId.parse("hunt-1"),
    step: 1,
    text: { k: "key", v: "sealed" },
    purpose: "prospecting",
    legalBasis: "consent",
    noCanvassing: false,
    ownerType: "private",
    ...paid,
  },
});
const accepted: ContactEvent = { type: "ContactAccepted", data: { attempt: 1, providerId: "p", by: "answer", ...paid } };
const delivered: ContactEvent = { type: "ContactDelivered", data: { at } };

const collectionOf = async (view: ViewName) => {
  const alias = await db.collection<{ _id: string }>(viewsCollection).findOne({ _id: view });
  return db.collection<{ _id: string }>(viewAlias.parse(alias).collection);
};
const countIn = async (view: ViewName, query: object) => (await collectionOf(view)).countDocuments(query);
const verified = (view: ViewName) => world.ask(projectorCommands.verify, { view }, { timeoutMs: 20_000 });

test("contacts become documents, once, also when the reader changes in the middle", async () => {
  const [first] = await Promise.all([open("first"), open("second")]);
  const ids = Array.from({ length: 400 }, (_, index) => `c${index}`);
  await Promise.all(ids.map((id) => write(id, requested(id))));
  await Promise.all(ids.slice(0, 300).map((id) => write(id, { type: "AttemptStarted", data: { attempt: 1, until: at } })));
  const [, sequences] = await Promise.all([first[Symbol.asyncDispose](), Promise.all(ids.slice(0, 300).map((id) => write(id, accepted)))]);
  expect(sequences).toHaveLength(300);
  await expect.poll(() => countIn("contacts", { account, status: "accepted" }), { timeout: 20_000 }).toBe(300);
  await expect.poll(() => countIn("contacts", { account }), { timeout: 20_000 }).toBe(400); // the last of them may be in the same bulk
  await expect.poll(() => verified("contacts"), { timeout: 20_000 }).toMatchObject({ equal: 400, moved: 0 });
  const { _id, ...one } = (await (await collectionOf("contacts")).findOne({ _id: `${account}.c1` })) ?? { _id: "" };
  expect(documents.contacts.parse(one)).toEqual(one);
  expect(one).toMatchObject({ status: "accepted", attempts: 1, credits: 1, _seq: revisions.get("c1") });
  expect(await verified("contacts")).toMatchObject({ equal: 400, moved: 0, different: 0, missing: 0, unexpected: 0, first: [] });
});

test("a rebuild serves the old documents until the new ones are complete, while events go on", async () => {
  const before = (await collectionOf("contacts")).collectionName;
  const asked = await world.ask(projectorCommands.rebuild, { view: "contacts" });
  expect(asked.collection).not.toBe(before);
  for (let index = 0; index < 100; index++) {
    await write(`c${index}`, delivered);
    expect(await countIn("contacts", { account })).toBe(400);
  }
  await expect.poll(async () => (await collectionOf("contacts")).collectionName, { timeout: 20_000 }).toBe(asked.collection);
  await write("c200", delivered);
  await expect.poll(() => countIn("contacts", { account, status: "delivered" }), { timeout: 20_000 }).toBe(101);
  // What the last bulk wrote counts as moved until the position behind it is stored.
  const whole = { equal: 400, moved: 0, different: 0, missing: 0, unexpected: 0 };
  await expect.poll(() => verified("contacts"), { timeout: 20_000 }).toMatchObject(whole);
  await expect
    .poll(async () => (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name), { timeout: 20_000 })
    .not.toContain(before);
});

test("a verification names the documents that are not what the events say", async () => {
  const contacts = await collectionOf("contacts");
  await contacts.updateOne({ _id: `${account}.c7` }, { $set: { status: "gated" } });
  await contacts.deleteOne({ _id: `${account}.c8` });
  const found = await verified("contacts");
  expect(found).toMatchObject({ equal: 398, different: 1, missing: 1, unexpected: 0 });
  expect(found.first.toSorted()).toEqual([`${account}.c7`, `${account}.c8`]);
  await world.ask(projectorCommands.rebuild, { view: "contacts" });
  await expect.poll(() => verified("contacts"), { timeout: 20_000, interval: 300 }).toMatchObject({ equal: 400, different: 0, missing: 0 });
});

const aliasOf = (view: ViewName) => db.collection<{ _id: string; version: number }>(viewsCollection).findOne({ _id: view });
const change = (view: ViewName, set: object) => db.collection<{ _id: string }>(viewsCollection).updateOne({ _id: view }, { $set: set });

test("a build that an earlier release had begun does not stand in the way of this one's", async () => {
  const { version } = viewAlias.parse(await aliasOf("contacts"));
  const begun = `contacts@${version - 1}-900`;
  await db.collection<{ _id: string }>(begun).insertOne({ _id: `${account}.half` });
  const building = { collection: begun, version: version - 1, build: 900, since: at };
  await change("contacts", { version: version - 1, building });
  await expect.poll(() => aliasOf("contacts"), { timeout: 20_000 }).toMatchObject({ version, build: 901 });
  expect(await aliasOf("contacts")).not.toHaveProperty("building");
  expect(await verified("contacts")).toMatchObject({ equal: 400, missing: 0, unexpected: 0 });
  expect((await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name)).not.toContain(begun);
});

test("a view that a newer release has built is not read past", async () => {
  const { version } = viewAlias.parse(await aliasOf("contacts"));
  for (const service of opened.splice(0)) await service[Symbol.asyncDispose]();
  await change("contacts", { version: version + 1 });
  const older = await open("older");
  await write("c300", delivered);
  await expect.poll(() => older.health.reasons().join(), { timeout: 20_000 }).toContain("the view contacts was built by a newer release");
  // As whoever goes back to an older release does.
  await world.ask(projectorCommands.rebuild, { view: "contacts" });
  await expect.poll(() => countIn("contacts", { _id: `${account}.c300`, status: "delivered" }), { timeout: 20_000 }).toBe(1);
  expect(await aliasOf("contacts")).toMatchObject({ version });
  await expect.poll(() => older.health.reasons(), { timeout: 20_000 }).toEqual([]);
});

test("a message that nobody can read degrades the views of its stream, says so, and holds up nothing", async () => {
  await kernel.publisher.publish(
    subjects.smsContact(account, "poison"),
    new TextEncoder().encode("not ours"),
    headerLine("Outrider-Command", "x"),
  );
  await write("after", requested("after"));
  await expect.poll(() => countIn("contacts", { account }), { timeout: 20_000 }).toBe(401);
  const degraded = async () => (await world.ask(projectorCommands.views, {})).views.find(({ view }) => view === "contacts")?.degraded;
  await expect.poll(degraded, { timeout: 20_000 }).toMatchObject({ reason: "cannot be read" });
  const reasons = opened.at(-1)?.health.reasons() ?? [];
  expect(reasons.join()).toContain("the view contacts is degraded");
});

test("the list tells the other views while the owner of a stream has not made it yet", async () => {
  const list = () => world.ask(projectorCommands.views, {});
  await world.jsm.streams.delete(streams.ledger.name);
  try {
    const { views } = await list();
    expect(views.find(({ view }) => view === "contacts")?.head).toBeGreaterThan(400);
    expect(views.find(({ view }) => view === "balances")).toMatchObject({ seq: 0, head: 0 });
  } finally {
    await ensureStream(world.jsm, streams.ledger);
  }
});

test("a reader that stands still says how far behind it is and why, and what it has read can be verified", async () => {
  const before = await write("last", requested("last"));
  await expect.poll(() => countIn("contacts", { _id: `${account}.last` }), { timeout: 20_000 }).toBe(1);
  const newer = { at, events: [{ type: "ContactRequested", version: 99, data: {} }] };
  await kernel.publisher.publish(
    subjects.smsContact(account, "newer"),
    new TextEncoder().encode(JSON.stringify(newer)),
    headerLine("Outrider-Command", "y"),
  );
  await write("behind", requested("behind"));
  const shown = async (view: ViewName) => (await world.ask(projectorCommands.views, {})).views.find((one) => one.view === view);
  await expect.poll(() => shown("contacts"), { timeout: 20_000 }).toMatchObject({ seq: before, head: before + 2 });
  expect((await shown("contacts"))?.stuck).toContain(`SMS:${before + 1} was written by a newer release (ContactRequested@99)`);
  expect(await shown("hunts")).toEqual(expect.not.objectContaining({ stuck: expect.anything() }));
  expect(await verified("contacts")).toMatchObject({ seq: before, different: 0, missing: 0, unexpected: 0 });
  // As after going back to an older release, whose documents are further than it can read: told, not waited for.
  const positions = db.collection<{ _id: string; seq: number }>(positionsCollection);
  await positions.updateOne({ _id: readerOf("SMS") }, { $set: { seq: before + 2 } });
  await expect(verified("contacts")).rejects.toThrow(/cannot be read up to \d+, where the view is: SMS:\d+ was written by a newer release/);
  await positions.updateOne({ _id: readerOf("SMS") }, { $set: { seq: before + 1000 } });
  await expect(verified("contacts")).rejects.toThrow(/position \d+ is not one of SMS .*drop the database/);
  await expect(world.ask(projectorCommands.rebuild, { view: "contacts" })).rejects.toThrow(/position \d+ is not one of SMS/);
});
