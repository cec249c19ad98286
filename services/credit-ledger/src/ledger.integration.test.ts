import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type ContactEvent, contactCodec } from "@outrider/contracts/contact";
import { runCodec } from "@outrider/contracts/hunts";
import { accountId, contactId, hashId, lineId, partitionOf, personId } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { accountCodec, accountPolicy } from "@outrider/contracts/registry";
import { streams, subjects } from "@outrider/contracts/streams";
import { type Codec, ensureStream, jetStreamStore, type Kernel, schedules } from "@outrider/eventing";
import { kernelOf, openService, parseConfig, type Service } from "@outrider/platform";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { definition, type LedgerConfig, names } from "./config.ts";
import { openLedger } from "./ledger.ts";

let nats: ThrowAwayNats;
let world: Service<LedgerConfig>;
let kernel: Kernel;
const opened: Service<LedgerConfig>[] = [];

const shortClaims = { LEDGER_CLAIM_MS: "1000", LEDGER_CLAIM_GRACE_MS: "1000" };
const configured = (): LedgerConfig => {
  const parsed = parseConfig(definition, {
    NATS_URL: nats.url,
    LOG_LEVEL: "silent",
    LEDGER_LINGER_MS: "20",
    ...shortClaims,
    OVERDUE_EVERY_MS: "300",
    OVERDUE_AFTER_MS: "300",
  });
  if (!parsed.ok) throw new Error(parsed.problems.join("; "));
  return parsed.config;
};
const open = async (replica: string, more: Partial<LedgerConfig> = {}): Promise<Service<LedgerConfig>> => {
  const service = await openService({ ...configured(), OUTRIDER_REPLICA: replica, ...more }, { ownsProcess: false, leaseTtlMs: 1500 });
  opened.push(service);
  await openLedger(service);
  return service;
};

beforeAll(async () => {
  nats = await throwAwayNats();
  world = await openService({ ...configured(), service: "gateway" }, { ownsProcess: false });
  kernel = kernelOf(world);
  for (const declared of [streams.sms, streams.hunts, streams.registry]) await ensureStream(world.jsm, declared);
});
afterAll(async () => {
  for (const service of [...opened, world]) await service[Symbol.asyncDispose]();
  await nats.stop();
});

const at = "2026-11-20T10:00:00.000Z";
/** Each contact's own. */
const traceOf = (subject: string) => `00-${createHash("md5").update(subject).digest("hex")}-00f067aa0ba902b7-01`;
const write = async <Event>(
  stream: string,
  codec: Codec<Event>,
  subject: string,
  expected: number,
  ...events: Event[]
): Promise<number> => {
  const store = jetStreamStore({ jsm: kernel.jsm, publisher: kernel.publisher, stream, codec });
  const id = crypto.randomUUID();
  const append = { commandId: id, executionId: id, at, events, expected, closing: 0, traceparent: traceOf(subject) };
  const appended = await store.append(subject, append, performance.now() + 10_000);
  if (appended.kind === "conflict") throw new Error(`${subject} is at ${appended.found}, not at ${expected}`);
  return appended.revision;
};
const contact = (account: ReturnType<typeof accountId.parse>, id: string, expected: number, ...events: ContactEvent[]) =>
  write(streams.sms.name, contactCodec, subjects.smsContact(account, id), expected, ...events);
const paid = (reservation: string) => ({ reservation, credits: 1 });
const accepted = (reservation: string): ContactEvent => ({
  type: "ContactAccepted",
  data: { attempt: 1, providerId: "p", by: "answer", ...paid(reservation) },
});
const requested = (id: string): ContactEvent => ({
  type: "ContactRequested",
  data: {
    ...{ contact: contactId.parse(id), person: personId.parse("p"), channel: "sms", line: lineId.parse("l"), step: 1 },
    ...{ text: { k: "k", v: "v" }, purpose: "service", legalBasis: "consent", noCanvassing: false, ownerType: "unknown" },
    ...paid(`contact-${id}`),
  },
});
const balanceOf = (account: ReturnType<typeof accountId.parse>) => world.ask(ledgerCommands.balance, { account });
const grant = (account: ReturnType<typeof accountId.parse>, id: string, credits: number, expiresAt?: string) =>
  world.ask(ledgerCommands.grant, { account, grant: id, credits, by: "ops", ...(expiresAt === undefined ? {} : { expiresAt }) });

test("two replicas settle a pass of 2,000 contacts once, in a few appends, also when one of them goes", async () => {
  const [first] = await Promise.all([open("first"), open("second")]);
  const account = accountId.parse("garage");
  expect(await grant(account, "invoice-1", 3000)).toMatchObject({ available: 3000, added: true });
  expect(await grant(account, "invoice-1", 9000)).toMatchObject({ available: 3000, added: false });
  const asked = { account, reservation: "garage:1", number: 1, most: 2500, atLeast: 1, purpose: "pass" } as const;
  expect(await world.ask(ledgerCommands.reserve, asked)).toEqual({ reservation: "garage:1", credits: 2500 });
  expect(await world.ask(ledgerCommands.reserve, asked)).toEqual({ reservation: "garage:1", credits: 2500 });

  const ids = Array.from({ length: 2000 }, (_, index) => contactId.parse(`c${index}`));
  const send = (some: typeof ids) => Promise.all(some.map((id) => contact(account, id, 0, accepted("garage:1"))));
  await send(ids.slice(0, 1000));
  const [, sequences] = await Promise.all([first[Symbol.asyncDispose](), send(ids.slice(1000))]);
  const gated: ContactEvent = { type: "ContactGated", data: { rule: "opted-out", ...paid("garage:1") } };
  await Promise.all(Array.from({ length: 100 }, (_, index) => contact(account, `g${index}`, 0, gated)));
  const failed: ContactEvent = { type: "ContactFailed", data: { at, reason: "network", ...paid("garage:1") } };
  await contact(account, "c1999", sequences.at(-1) ?? 0, failed);
  const closed = { pass: 1, reservation: "garage:1", rest: 400, found: 2100, allocated: 2100, skipped: {}, hunts: [] };
  await write(streams.hunts.name, runCodec, subjects.run(account, "2026-11-20"), 0, { type: "PassClosed", data: closed });

  await expect
    .poll(() => balanceOf(account), { timeout: 20_000, interval: 100 })
    .toMatchObject({ granted: 3000, captured: 2000, released: 500, refunded: 1, held: 0, available: 1001 });
  await expect(world.ask(ledgerCommands.reserve, asked)).rejects.toMatchObject({ rule: "reservation-too-old" });
  const { state } = await world.jsm.streams.info(streams.ledger.name);
  expect(state.messages).toBeLessThan(150);
});

test("an outage of NATS between outcomes loses and doubles nothing", async () => {
  const account = accountId.parse("dealer");
  await grant(account, "invoice-1", 50);
  await world.ask(ledgerCommands.reserve, { account, reservation: "dealer:1", most: 20, atLeast: 1, purpose: "request" });
  for (let index = 0; index < 10; index++) await contact(account, `d${index}`, 0, accepted("dealer:1"));
  await nats.restart();
  await expect.poll(() => balanceOf(account).catch(() => undefined), { timeout: 30_000, interval: 200 }).toBeDefined();
  for (let index = 10; index < 20; index++) await contact(account, `d${index}`, 0, accepted("dealer:1"));
  await expect.poll(() => balanceOf(account), { timeout: 20_000, interval: 100 }).toMatchObject({ captured: 20, held: 0, available: 30 });
});

test("a grant expires at its moment, once", async () => {
  const account = accountId.parse("gifted");
  await grant(account, "gift", 5, new Date(Date.now() + 1500).toISOString());
  expect(await balanceOf(account)).toMatchObject({ available: 5, expired: 0 });
  await expect.poll(() => balanceOf(account), { timeout: 20_000, interval: 100 }).toMatchObject({ available: 0, expired: 5 });
  const { entries } = await world.ask(ledgerCommands.history, { subject: subjects.balance(account), from: 0, limit: 10 });
  expect(entries.map(({ events }) => events.map(({ type }) => type))).toEqual([["CreditsGranted"], ["CreditsExpired"]]);
});

test("an alarm that rings before its grant expires, as after the clock was set back, is set anew", async () => {
  const account = accountId.parse("early");
  const key = `${partitionOf(account)}.${account}.${hashId("gift")}`;
  const armed = () =>
    world.jsm.streams
      .getMessage(streams.schedule.name, { last_by_subj: `schedule.credit-ledger.${names.expire}.${key}` })
      .catch(() => null);
  await grant(account, "gift", 5, new Date(Date.now() + 3000).toISOString());
  await expect.poll(armed, { timeout: 10_000, interval: 20 }).not.toBeNull();
  const scheduled = schedules({ publisher: kernel.publisher, jsm: kernel.jsm, service: "credit-ledger" });
  await scheduled.at(names.expire, key, new Date(), { account, grant: "gift" }, { commandId: "early", at });
  await expect.poll(() => balanceOf(account), { timeout: 20_000, interval: 100 }).toMatchObject({ available: 0, expired: 5 });
});

test("what is held for a request that never becomes a contact is given back; what its contact has taken stays until it ends", async () => {
  const account = accountId.parse("asking");
  await grant(account, "invoice-1", 10);
  const hold = (id: string) => {
    const reservation = `contact-${id}`;
    const asked = { account, reservation, most: 1, atLeast: 1, purpose: "request", contact: contactId.parse(id) } as const;
    return world.ask(ledgerCommands.reserve, asked, { commandId: `${id}:reserve` });
  };
  const [lost, taken] = [await hold("lost"), await hold("taken")];
  expect(Date.parse(lost.until ?? "")).toBeGreaterThan(Date.now());
  const seq = await contact(account, "taken", 0, requested("taken"));
  expect(await balanceOf(account)).toMatchObject({ held: 2, available: 8 });

  await expect.poll(() => balanceOf(account), { timeout: 20_000, interval: 100 }).toMatchObject({ held: 1, released: 1, available: 9 });
  // The same request again, with the same command id: it is held again, and not taken for what was given back.
  expect(await hold("lost")).toMatchObject({ credits: 1 });
  expect(await balanceOf(account)).toMatchObject({ held: 2 });
  await contact(account, "lost", 0, requested("lost"), accepted("contact-lost"));
  await contact(account, "taken", seq, accepted("contact-taken"));
  await expect.poll(() => balanceOf(account), { timeout: 20_000, interval: 100 }).toMatchObject({ held: 0, captured: 2, available: 8 });

  // Held once more after the contact had ended, as by a repeat that raced the first: its outcome will never come again.
  expect(await hold("taken")).not.toEqual(taken);
  expect(await balanceOf(account)).toMatchObject({ held: 1, captured: 2 });
  await expect.poll(() => balanceOf(account), { timeout: 20_000, interval: 100 }).toMatchObject({ held: 0, captured: 2, available: 8 });
});

test("a grant expires, and the price of a request that was never made is given back, also when their alarms were lost", async () => {
  const account = accountId.parse("forgotten");
  const secret = { k: "k", v: "v" };
  const data = { account, name: "Garage", timeZone: "Europe/Paris", country: "FR", secret, policy: accountPolicy.parse({}) };
  await write(streams.registry.name, accountCodec, subjects.account(account), 0, { type: "AccountCreated", data });
  await grant(account, "invoice-1", 10);
  await grant(account, "gift", 5, new Date(Date.now() + 1500).toISOString());
  const asked = {
    account,
    reservation: "contact-never",
    most: 1,
    atLeast: 1,
    purpose: "request",
    contact: contactId.parse("never"),
  } as const;
  await world.ask(ledgerCommands.reserve, asked, { commandId: "never:reserve" });
  const withoutAlarms = async () => {
    await world.jsm.streams.purge(streams.schedule.name, { filter: "schedule.credit-ledger.>" });
    return balanceOf(account);
  };
  await expect.poll(withoutAlarms, { timeout: 20_000, interval: 20 }).toMatchObject({ granted: 15, expired: 5, released: 1, held: 0 });
  const { entries } = await world.ask(ledgerCommands.history, { subject: subjects.balance(account), from: 0, limit: 10 });
  const types = entries.flatMap(({ events }) => events.map(({ type }) => type));
  expect(types.toSorted()).toEqual(["CreditsExpired", "CreditsGranted", "CreditsGranted", "CreditsReserved", "ReservationsChecked"]);
});

test("a request whose contact nobody can read keeps its price, and holds up the prices of no others", async () => {
  const account = accountId.parse("illegible");
  await grant(account, "invoice-1", 10);
  const hold = (id: string) => {
    const asked = { account, reservation: `contact-${id}`, most: 1, atLeast: 1, purpose: "request", contact: contactId.parse(id) } as const;
    return world.ask(ledgerCommands.reserve, asked, { commandId: `${id}:illegible` });
  };
  await kernel.js.publish(subjects.smsContact(account, "broken"), "not json");
  await hold("broken");
  await hold("unmade");
  await expect.poll(() => balanceOf(account), { timeout: 20_000, interval: 100 }).toMatchObject({ held: 1, released: 1, available: 9 });
});

test("accounts that cannot be looked at hold up no other's look", async () => {
  // More than are looked at together, and known before.
  const broken = Array.from({ length: 6 }, (_, index) => accountId.parse(`broken-${index}`));
  const whole = accountId.parse("whole");
  const secret = { k: "k", v: "v" };
  for (const account of [...broken, whole]) {
    const data = { account, name: "Garage", timeZone: "Europe/Paris", country: "FR", secret, policy: accountPolicy.parse({}) };
    await write(streams.registry.name, accountCodec, subjects.account(account), 0, { type: "AccountCreated", data });
  }
  for (const account of broken) await kernel.js.publish(subjects.balance(account), "not json");
  await grant(whole, "gift", 5, new Date(Date.now() + 1500).toISOString());
  const withoutAlarms = async () => {
    await world.jsm.streams.purge(streams.schedule.name, { filter: "schedule.credit-ledger.>" });
    return balanceOf(whole);
  };
  await expect.poll(withoutAlarms, { timeout: 20_000, interval: 20 }).toMatchObject({ granted: 5, expired: 5 });
});

test("a ledger that is stopped before it knows the accounts ends at once", async () => {
  await using away = await throwAwayNats();
  const service = await openService({ ...configured(), NATS_URL: away.url, OUTRIDER_REPLICA: "early" }, { ownsProcess: false });
  for (const declared of [streams.sms, streams.hunts]) await ensureStream(service.jsm, declared);
  await openLedger(service); // there is no stream of accounts
  const began = performance.now();
  await service[Symbol.asyncDispose]();
  expect(performance.now() - began).toBeLessThan(5000);
});

test("the trace of every contact leads to the one decision that settles them all", async () => {
  const bodies: string[] = [];
  const collector = createServer((request, response) => {
    request.setEncoding("utf8").on("data", (data: string) => bodies.push(data));
    request.on("end", () => response.writeHead(200, { "content-type": "application/json" }).end("{}"));
  });
  await new Promise<void>((listening) => collector.listen(0, "127.0.0.1", listening));
  const { port } = collector.address() as AddressInfo;
  for (const service of opened.splice(0)) await service[Symbol.asyncDispose]();
  const account = accountId.parse("traced");
  const ids = Array.from({ length: 300 }, (_, index) => `t${index}`);
  const traced = await open("traced", { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, LEDGER_LINGER_MS: 1000 });
  await grant(account, "invoice-1", 500);
  await world.ask(ledgerCommands.reserve, { account, reservation: "traced:1", number: 1, most: 301, atLeast: 1, purpose: "pass" });
  await contact(account, "first", 0, accepted("traced:1")); // the others gather behind it
  await Promise.all(ids.map((id) => contact(account, id, 0, accepted("traced:1"))));
  await expect.poll(() => balanceOf(account), { timeout: 20_000, interval: 100 }).toMatchObject({ captured: 301 });
  await traced[Symbol.asyncDispose]();
  collector.close();

  const sent = bodies.join("");
  const settling = sent.split('"name":"process ledger.balance"').slice(1).join("");
  const unheard = ids.filter((id) => !settling.includes(traceOf(subjects.smsContact(account, id)).slice(3, 35)));
  expect(unheard).toEqual([]);
});
