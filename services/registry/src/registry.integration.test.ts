import { createHash } from "node:crypto";
import { type ContactEvent, contactCodec } from "@outrider/contracts/contact";
import { accountId, contactId, lineId, type PersonId, personId } from "@outrider/contracts/ids";
import { erasureCodec, type PermitRequest, permitRequest } from "@outrider/contracts/registry";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { streams, subjects } from "@outrider/contracts/streams";
import { ensureStream, jetStreamStore, type Positions } from "@outrider/eventing";
import { kernelOf, keyIds, type Service } from "@outrider/platform";
import { openTestService } from "@outrider/platform/testing";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { definition, type RegistryConfig } from "./config.ts";
import { openRegistry } from "./registry.ts";

const { createAccount, people, permit, optOut, erase } = registryCommands;
const account = accountId.parse("garage");
// A Friday, 11:00 in Paris.
const clockOffset = String(Date.parse("2026-11-20T10:00:00.000Z") - Date.now());

let nats: ThrowAwayNats;
const replicas: Service<RegistryConfig>[] = [];
let caller: Service<RegistryConfig>;
let positions: Positions;

const open = (replica: string): Promise<Service<RegistryConfig>> =>
  openTestService(definition, {
    NATS_URL: nats.url,
    OUTRIDER_REPLICA: replica,
    OUTRIDER_CLOCK_OFFSET_MS: clockOffset,
    ERASURE_KEY_GRACE_MS: "1000",
    OVERDUE_EVERY_MS: "300",
    OVERDUE_AFTER_MS: "500",
    REGISTRY_RETURNS_LINGER_MS: "10",
  });

beforeAll(async () => {
  nats = await throwAwayNats();
  caller = await open("caller");
  for (const declared of [streams.sms, streams.hunts]) await ensureStream(caller.jsm, declared);
  for (const name of ["first", "second"]) {
    const service = await open(name);
    replicas.push(service);
    positions = (await openRegistry(service)).positions.sms;
  }
  await vi.waitFor(() => expect(replicas.flatMap(({ health }) => health.reasons())).toEqual([]), { timeout: 20_000 });
});
afterAll(async () => {
  for (const service of [...replicas, caller]) await service[Symbol.asyncDispose]();
  await nats.stop();
});

const hashOf = (key: string): string => createHash("sha256").update(key).digest("hex");
const apiKey = { key: "k1", hash: hashOf("secret"), scopes: ["admin" as const], label: "first" };
const creation = createAccount.request.parse({ account, name: "Garage du Port", apiKey });
const found = async (numbers: readonly string[], register = true) => {
  const sealed = await caller.keyring.sealMany(numbers.map((plain) => ({ keyId: keyIds.account(account), plain })));
  return (await caller.ask(people, { account, numbers: sealed, register })).people;
};
const numbersFrom = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `06 39 98 ${String(from + index).padStart(4, "0")}`);
const personOf = async (number: string): Promise<PersonId> => {
  const [one] = await found([number]);
  if (one === undefined || one.kind === "invalid") throw new Error(`${number} is no number`);
  return personId.parse(one.person);
};
const request = (changes: object = {}): PermitRequest =>
  permitRequest.parse({
    contact: "c1",
    attempt: 1,
    hunt: "h1",
    channel: "sms",
    purpose: "prospecting",
    legalBasis: "offer-to-buy",
    ...changes,
  });
const ask = (person: PersonId, changes: object = {}) => caller.ask(permit, { account, person, request: request(changes) });
const historyOf = async (person: PersonId): Promise<string[]> => {
  const { entries } = await caller.ask(registryCommands.history, { subject: subjects.person(account, person), from: 0, limit: 500 });
  return entries.flatMap(({ events }) => events.map(({ type }) => type));
};
const messages = async (): Promise<number> => (await caller.jsm.streams.info(streams.registry.name)).state.messages;

describe("an account", () => {
  test("is created once, keeps its secret, and lets its key in", async () => {
    expect(await caller.ask(createAccount, creation)).toMatchObject({ created: true });
    expect(await caller.ask(createAccount, creation)).toMatchObject({ created: false });
    await expect(caller.ask(createAccount, { ...creation, name: "Other" })).rejects.toMatchObject({ slug: "already-exists" });
    expect(await caller.ask(registryCommands.authenticate, { account, hash: hashOf("secret") })).toEqual({ scopes: ["admin"] });
    await expect(caller.ask(registryCommands.authenticate, { account, hash: hashOf("guess") })).rejects.toMatchObject({
      slug: "unauthorised",
    });
  });
  test("changes only what a change of policy names", async () => {
    await caller.ask(registryCommands.changePolicy, { account, policy: { recontactAfterDays: 7 } });
    await caller.ask(registryCommands.changePolicy, { account, policy: { dailyLimit: 100_000 } });
    const { policy } = await caller.ask(registryCommands.account, { account });
    expect(policy).toMatchObject({ recontactAfterDays: 7, dailyLimit: 100_000, dailyRunEnabled: true });
  });
  test("may write with an offer to buy after it has confirmed the notice", async () => {
    const person = await personOf("06 39 98 90 00");
    expect(await ask(person)).toMatchObject({ kind: "denied", rule: "offer-to-buy-unconfirmed" });
    await caller.ask(registryCommands.confirmOfferToBuy, { account, by: "Anne", notice: "v1" });
    await expect.poll(() => ask(person)).toMatchObject({ kind: "permitted" });
  });
});

describe("people", () => {
  test("500 numbers are 500 people, and the same ones when they are asked for again", async () => {
    const numbers = numbersFrom(0, 500);
    const first = await found(numbers);
    const before = await messages();
    expect(new Set(first.map((one) => one.kind !== "invalid" && one.person)).size).toBe(500);
    expect(first.every((one) => one.kind === "person" && !one.erased && one.facts.fiction)).toBe(true);
    expect(await found(numbers)).toEqual(first);
    expect(await found(numbers.map((number) => number.replace("0", "+33")))).toEqual(first);
    expect(await messages()).toBe(before);
  });
  test("are told apart from what is no number, and registered only when wanted", async () => {
    expect(await found(["hello", "06 39 98 99 99"], false)).toMatchObject([{ kind: "invalid" }, { kind: "unknown" }]);
    expect(await found(["06 39 98 99 99"])).toMatchObject([{ kind: "person" }]);
  });
  test("whose key has been destroyed for ever are not made anew", async () => {
    const [unknown, neighbour] = await found(["06 39 98 99 00", "06 39 98 99 01"], false);
    if (unknown?.kind !== "unknown") throw new Error("nobody has asked for this number before");
    await caller.keyring.ensure([keyIds.person(account, unknown.person)]);
    await caller.keyring.destroy(keyIds.person(account, unknown.person));
    expect(await found(["06 39 98 99 00", "06 39 98 99 01"])).toMatchObject([
      { kind: "person", person: unknown.person, erased: true },
      { kind: "person", person: neighbour?.kind === "unknown" && neighbour.person, erased: false },
    ]);
  });
  test("are imported as fast as their file is read", async () => {
    const pages = Array.from({ length: 10 }, (_, page) => numbersFrom(1000 + page * 500, 500));
    const began = performance.now();
    for (const page of pages) await found(page);
    const registered = performance.now();
    for (let round = 0; round < 4; round++) await Promise.all(pages.map((page) => found(page)));
    const again = performance.now();
    const rate = (count: number, ms: number) => Math.round(count / (ms / 1000));
    process.stdout.write(`people: ${rate(5000, registered - began)} new/s, ${rate(20_000, again - registered)} known/s\n`);
  });
});

describe("a permit", () => {
  test("holds the sealed number, and counts once however often it is asked for", async () => {
    const person = await personOf("06 39 98 00 01");
    const [one] = await Promise.all([ask(person), ask(person), ask(person), ask(person)]);
    expect(one).toMatchObject({ kind: "permitted" });
    if (one?.kind === "permitted") expect(await caller.keyring.open(one.number)).toBe("+33639980001");
    expect(await historyOf(person)).toEqual(["PersonRegistered", "AttemptPermitted"]);
  });
  test("is denied to another hunt so soon", async () => {
    const person = await personOf("06 39 98 00 01");
    expect(await ask(person, { contact: "c2", hunt: "h2" })).toMatchObject({ kind: "deferred", rule: "contacted-recently" });
  });
  test("is denied within a second of an opt-out", async () => {
    const person = await personOf("06 39 98 00 03");
    expect(await ask(person)).toMatchObject({ kind: "permitted" });
    const began = performance.now();
    await caller.ask(optOut, { account, person, by: "keyword", channel: "sms" });
    for (let tries = 0; tries < 8; tries++) expect(await ask(person)).toMatchObject({ kind: "denied", rule: "opted-out" });
    expect(performance.now() - began).toBeLessThan(1000);
    await caller.ask(registryCommands.optIn, { account, person, by: "keyword" });
    expect(await ask(person)).toMatchObject({ kind: "permitted" });
    expect(await historyOf(person)).toEqual(["PersonRegistered", "AttemptPermitted", "OptedOut", "AttemptDenied", "OptedIn"]);
  });
  test("is denied while the account or everything is paused", async () => {
    const person = await personOf("06 39 98 00 04");
    for (const paused of [account, accountId.parse("system")]) {
      await caller.ask(registryCommands.pause, { account: paused, by: "test" });
      await expect.poll(() => ask(person, { contact: `p-${paused}` }), { interval: 20 }).toMatchObject({ rule: "paused" });
      await caller.ask(registryCommands.resume, { account: paused, by: "test" });
      const others = () => Promise.all(Array.from({ length: 6 }, () => ask(person)));
      await expect
        .poll(others, { interval: 20 })
        .toSatisfy((answers) => answers.every(({ kind }: { kind: string }) => kind === "permitted"));
    }
  });
  test("is not given to an unknown account or person", async () => {
    await expect(ask(personId.parse("nobody"))).rejects.toMatchObject({ slug: "not-found", rule: "unknown-person" });
    const other = { account: accountId.parse("nowhere"), person: personId.parse("nobody"), request: request() };
    await expect(caller.ask(permit, other)).rejects.toMatchObject({ slug: "not-found" });
  });
});

const write = async (contact: string, ...events: ContactEvent[]): Promise<void> => {
  const kernel = kernelOf(caller);
  const store = jetStreamStore({ jsm: caller.jsm, publisher: kernel.publisher, stream: streams.sms.name, codec: contactCodec });
  const subject = subjects.smsContact(account, contact);
  for (const event of events) {
    const expected = (await store.last(subject))?.revision ?? 0;
    const id = crypto.randomUUID();
    const append = { commandId: id, executionId: id, at: caller.clock.now(), events: [event], expected, closing: 0 };
    await store.append(subject, append, performance.now() + 5000);
  }
};
const paid = { reservation: "r1", credits: 1 };
const requested = (contact: string, person: PersonId): ContactEvent => ({
  type: "ContactRequested",
  data: {
    ...{ contact: contactId.parse(contact), person, channel: "sms", line: lineId.parse("l1"), step: 1, noCanvassing: false },
    ...{ text: { k: "k", v: "v" }, purpose: "prospecting", legalBasis: "offer-to-buy", ownerType: "private", ...paid },
  },
});

describe("a permit that was not used", () => {
  const started: ContactEvent = { type: "AttemptStarted", data: { attempt: 1, until: "2026-11-20T10:00:30.000Z" } };

  test("is given back when the attempt was abandoned, refused or gated, and never when it was accepted or is unknown", async () => {
    const unknown: ContactEvent = { type: "AttemptUnknown", data: { attempt: 1, cause: "timeout" } };
    const endings: Record<string, { events: ContactEvent[]; returned: boolean }> = {
      abandoned: { events: [started, { type: "AttemptAbandoned", data: { attempt: 1, because: "too late" } }], returned: true },
      rejected: {
        events: [started, { type: "ContactRejected", data: { attempt: 1, reason: "no", by: "answer", ...paid } }],
        returned: true,
      },
      gated: { events: [{ type: "ContactGated", data: { rule: "paused", ...paid } }], returned: true },
      reconciled: {
        events: [started, unknown, { type: "ContactRejected", data: { attempt: 1, reason: "no", by: "person", ...paid } }],
        returned: true,
      },
      later: {
        events: [started, { type: "AttemptRefusedForNow", data: { attempt: 1, reason: "busy", notBefore: "2026-11-20T10:05:00.000Z" } }],
        returned: true,
      },
      accepted: {
        events: [started, { type: "ContactAccepted", data: { attempt: 1, providerId: "x", by: "answer", ...paid } }],
        returned: false,
      },
      unknown: { events: [started, unknown], returned: false },
      gatedAfterUnknown: { events: [started, unknown, { type: "ContactGated", data: { rule: "paused", ...paid } }], returned: false },
    };
    const cases = await Promise.all(
      Object.entries(endings).map(async ([contact, ending], index) => {
        const person = await personOf(`06 39 98 01 ${String(index).padStart(2, "0")}`);
        expect(await ask(person, { contact })).toMatchObject({ kind: "permitted" });
        await write(contact, requested(contact, person), ...ending.events);
        return { contact, person, returned: ending.returned };
      }),
    );
    await expect
      .poll(() => Promise.all(cases.filter(({ returned }) => returned).map(({ person }) => historyOf(person))), { timeout: 15_000 })
      .toSatisfy((all: string[][]) => all.every((types) => types.filter((type) => type === "PermitReturned").length === 1));
    for (const { person } of cases.filter(({ returned }) => !returned)) {
      expect(await historyOf(person)).toEqual(["PersonRegistered", "AttemptPermitted"]);
    }
  });
});

describe("an erased person", () => {
  test("is denied at once, and their key is destroyed after the grace", async () => {
    const number = "06 39 98 02 00";
    const person = await personOf(number);
    const sealed = await ask(person);
    await caller.ask(registryCommands.recordConsent, { account, person, source: "form", basis: "consent", at: caller.clock.now() });
    const exported = await caller.ask(registryCommands.exportPerson, { account, person });
    expect(exported).toMatchObject({
      number: "+33639980200",
      events: [{ type: "PersonRegistered", data: { number: "+33639980200" } }, {}, {}],
    });
    await caller.ask(erase, { account, person, by: "api" });
    expect(await ask(person)).toMatchObject({ kind: "denied", rule: "erased" });
    await caller.ask(erase, { account, person, by: "api" });
    const announcements = { jsm: caller.jsm, publisher: kernelOf(caller).publisher, stream: streams.registry.name, codec: erasureCodec };
    expect((await jetStreamStore(announcements).tail(subjects.erasure(account, person), 0)).map(({ events }) => events)).toEqual([
      [{ type: "ErasureAnnounced", data: { person } }],
    ]);
    expect(await caller.keyring.stateOf(keyIds.person(account, person))).toBe("live");
    await expect.poll(() => caller.keyring.stateOf(keyIds.person(account, person)), { timeout: 20_000, interval: 100 }).toBe("destroyed");
    await expect.poll(() => historyOf(person)).toContain("PersonKeyDestroyed");
    expect(await caller.ask(registryCommands.number, { account, person })).toEqual({ number: null });
    expect(await caller.ask(registryCommands.exportPerson, { account, person })).toMatchObject({ number: "erased" });
    const stranger = await open("stranger"); // a process that never held the key
    if (sealed.kind === "permitted") expect(await stranger.keyring.open(sealed.number)).toBe("erased");
    await stranger[Symbol.asyncDispose]();
    await expect.poll(() => found([number]), { timeout: 5000 }).toMatchObject([{ kind: "person", person, erased: true }]);
    const why = await caller.ask(registryCommands.whyPerson, { account, person });
    expect(why).toMatchObject({ known: true, erased: true, verdict: { kind: "denied", rule: "erased" } });
  });
  test("whose alarm was lost loses their key all the same, once", async () => {
    const person = await personOf("06 39 98 02 01");
    await caller.ask(erase, { account, person, by: "api" });
    await caller.jsm.streams.purge(streams.schedule.name, { filter: "schedule.registry.>" });
    await expect.poll(() => historyOf(person), { timeout: 20_000, interval: 100 }).toContain("PersonKeyDestroyed");
    expect(await caller.keyring.stateOf(keyIds.person(account, person))).toBe("destroyed");
    expect((await historyOf(person)).filter((type) => type === "PersonKeyDestroyed")).toHaveLength(1);
  });
});

test("why tells the latest of a long history", async () => {
  const person = await personOf("06 39 98 04 00");
  for (let index = 0; index < 510; index++)
    await caller.ask(registryCommands.recordConsent, {
      account,
      person,
      source: `form ${index}`,
      basis: "consent",
      at: caller.clock.now(),
    });
  await caller.ask(registryCommands.optOut, { account, person, by: "api" });
  const { history } = await caller.ask(registryCommands.whyPerson, { account, person });
  expect(history.length).toBe(500);
  expect(history.at(-1)).toMatchObject({ type: "OptedOut" });
});

test("gives 2,000 permits at once and loses none", async () => {
  const before = await messages();
  const ids: PersonId[] = [];
  for (let page = 0; page < 4; page++) {
    for (const one of await found(numbersFrom(1000 + page * 500, 500))) if (one.kind === "person") ids.push(personId.parse(one.person));
  }
  const began = performance.now();
  const cpu = process.cpuUsage();
  const answers = await Promise.all(ids.map((person, index) => ask(person, { contact: `many-${index}` })));
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const each = Math.round((user + system) / ids.length);
  process.stdout.write(`permits: ${Math.round(ids.length / seconds)}/s at once, ${each} µs CPU each in asker and two replicas together\n`);
  expect(answers.filter(({ kind }) => kind === "permitted").length).toBe(2000);
  expect(await messages()).toBe(before + 2000);
});

test("gives a permit back after the replica that saw the contact begin has gone", async () => {
  const person = await personOf("06 39 98 03 01");
  expect(await ask(person, { contact: "handed-over" })).toMatchObject({ kind: "permitted" });
  await write("handed-over", requested("handed-over", person));
  const { state } = await caller.jsm.streams.info(streams.sms.name);
  await expect.poll(async () => (await positions.load())?.seq, { timeout: 10_000 }).toBe(state.last_seq);
  await replicas.shift()?.[Symbol.asyncDispose]();
  await write("handed-over", { type: "ContactGated", data: { rule: "paused", ...paid } });
  await expect.poll(() => historyOf(person), { timeout: 15_000 }).toContain("PermitReturned");
});
