import { offerToBuyNotice } from "@outrider/contact-policy";
import { type ContactEvent, contactCodec } from "@outrider/contracts/contact";
import { accountId, contactId, lineId, type PersonId, personId } from "@outrider/contracts/ids";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { streams, subjects } from "@outrider/contracts/streams";
import { jetStreamStore } from "@outrider/eventing";
import { kernelOf } from "@outrider/platform";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRegistry } from "./registry.ts";
import { account, creation, numbersFrom, openWorld, request, type World } from "./testing-world.ts";

const { permit, optOut } = registryCommands;

let world: World;
beforeAll(async () => {
  world = await openWorld();
  await world.caller.ask(registryCommands.createAccount, creation);
  await world.caller.ask(registryCommands.confirmOfferToBuy, { account, by: "Anne", notice: offerToBuyNotice });
});
afterAll(() => world[Symbol.asyncDispose]());

describe("a permit", () => {
  test("holds the sealed number, and counts once however often it is asked for", async () => {
    const person = await world.personOf("06 39 98 00 01");
    const [one] = await Promise.all([world.permit(person), world.permit(person), world.permit(person), world.permit(person)]);
    expect(one).toMatchObject({ kind: "permitted" });
    if (one?.kind === "permitted") expect(await world.caller.keyring.open(one.number)).toBe("+33639980001");
    expect(await world.historyOf(person)).toEqual(["PersonRegistered", "AttemptPermitted"]);
  });
  test("is denied to another hunt so soon", async () => {
    const person = await world.personOf("06 39 98 00 01");
    expect(await world.permit(person, { contact: "c2", hunt: "h2" })).toMatchObject({ kind: "deferred", rule: "contacted-recently" });
  });
  test("is denied within a second of an opt-out", async () => {
    const person = await world.personOf("06 39 98 00 03");
    expect(await world.permit(person)).toMatchObject({ kind: "permitted" });
    const began = performance.now();
    await world.caller.ask(optOut, { account, person, by: "keyword", channel: "sms" });
    for (let tries = 0; tries < 8; tries++) expect(await world.permit(person)).toMatchObject({ kind: "denied", rule: "opted-out" });
    expect(performance.now() - began).toBeLessThan(1000);
    await world.caller.ask(registryCommands.optIn, { account, person, by: "keyword" });
    expect(await world.permit(person)).toMatchObject({ kind: "permitted" });
    expect(await world.historyOf(person)).toEqual(["PersonRegistered", "AttemptPermitted", "OptedOut", "AttemptDenied", "OptedIn"]);
  });
  test("is denied while the account or everything is paused", async () => {
    const person = await world.personOf("06 39 98 00 04");
    for (const paused of [account, accountId.parse("system")]) {
      await world.caller.ask(registryCommands.pause, { account: paused, by: "test" });
      await expect.poll(() => world.permit(person, { contact: `p-${paused}` }), { interval: 20 }).toMatchObject({ rule: "paused" });
      await world.caller.ask(registryCommands.resume, { account: paused, by: "test" });
      const others = () => Promise.all(Array.from({ length: 6 }, () => world.permit(person)));
      await expect
        .poll(others, { interval: 20 })
        .toSatisfy((answers) => answers.every(({ kind }: { kind: string }) => kind === "permitted"));
    }
  });
  test("is not given to an unknown account or person", async () => {
    await expect(world.permit(personId.parse("nobody"))).rejects.toMatchObject({ slug: "not-found", rule: "unknown-person" });
    const other = { account: accountId.parse("nowhere"), person: personId.parse("nobody"), request: request() };
    await expect(world.caller.ask(permit, other)).rejects.toMatchObject({ slug: "not-found" });
  });
});

const write = async (contact: string, ...events: ContactEvent[]): Promise<void> => {
  const kernel = kernelOf(world.caller);
  const store = jetStreamStore({ jsm: world.caller.jsm, publisher: kernel.publisher, stream: streams.sms.name, codec: contactCodec });
  const subject = subjects.smsContact(account, contact);
  for (const event of events) {
    const expected = (await store.last(subject))?.revision ?? 0;
    const id = crypto.randomUUID();
    const append = { commandId: id, executionId: id, at: world.caller.clock.now(), events: [event], expected, closing: 0 };
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
        const person = await world.personOf(`06 39 98 01 ${String(index).padStart(2, "0")}`);
        expect(await world.permit(person, { contact })).toMatchObject({ kind: "permitted" });
        await write(contact, requested(contact, person), ...ending.events);
        return { contact, person, returned: ending.returned };
      }),
    );
    await expect
      .poll(() => Promise.all(cases.filter(({ returned }) => returned).map(({ person }) => world.historyOf(person))), { timeout: 15_000 })
      .toSatisfy((all: string[][]) => all.every((types) => types.filter((type) => type === "PermitReturned").length === 1));
    for (const { person } of cases.filter(({ returned }) => !returned)) {
      expect(await world.historyOf(person)).toEqual(["PersonRegistered", "AttemptPermitted"]);
    }
  });
  test("and was given back is not given once more by the same asking, which would count for nobody", async () => {
    const person = await world.personOf("06 39 98 01 90");
    const ask = (commandId: string) =>
      world.caller.ask(permit, { account, person, request: request({ contact: "same-asking" }) }, { commandId });
    expect(await ask("asked-once")).toMatchObject({ kind: "permitted" });
    await write("same-asking", requested("same-asking", person), started);
    await write("same-asking", { type: "AttemptAbandoned", data: { attempt: 1, because: "too late" } });
    await expect.poll(() => world.historyOf(person), { timeout: 15_000 }).toContain("PermitReturned");
    await expect(ask("asked-once")).rejects.toMatchObject({ name: "Unavailable" });
    expect(await ask("asked-anew")).toMatchObject({ kind: "permitted" });
    expect((await world.historyOf(person)).filter((type) => type === "AttemptPermitted")).toHaveLength(2);
  });
});

test("gives 2,000 permits at once and loses none", async () => {
  const ids: PersonId[] = [];
  for (let page = 0; page < 4; page++) {
    for (const one of await world.found(numbersFrom(1000 + page * 500, 500)))
      if (one.kind === "person") ids.push(personId.parse(one.person));
  }
  const before = await world.messages();
  const began = performance.now();
  const cpu = process.cpuUsage();
  const answers = await Promise.all(ids.map((person, index) => world.permit(person, { contact: `many-${index}` })));
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const each = Math.round((user + system) / ids.length);
  process.stdout.write(`permits: ${Math.round(ids.length / seconds)}/s at once, ${each} µs CPU each in asker and two replicas together\n`);
  expect(answers.filter(({ kind }) => kind === "permitted").length).toBe(2000);
  expect(await world.messages()).toBe(before + 2000);
});

test("gives a permit back after the replica that saw the contact begin has gone", async () => {
  const person = await world.personOf("06 39 98 03 01");
  expect(await world.permit(person, { contact: "handed-over" })).toMatchObject({ kind: "permitted" });
  await write("handed-over", requested("handed-over", person));
  const { state } = await world.caller.jsm.streams.info(streams.sms.name);
  await expect.poll(async () => (await world.positions.load())?.seq, { timeout: 10_000 }).toBe(state.last_seq);
  await world.replicas.shift()?.[Symbol.asyncDispose]();
  await write("handed-over", { type: "ContactGated", data: { rule: "paused", ...paid } });
  await expect.poll(() => world.historyOf(person), { timeout: 15_000 }).toContain("PermitReturned");
});

test("gives back no permit of an attempt that may have reached the person, though all who saw it have gone and the contact is asked for anew", async () => {
  const person = await world.personOf("06 39 98 03 02");
  expect(await world.permit(person, { contact: "asked-anew" })).toMatchObject({ kind: "permitted" });
  const gated: ContactEvent = { type: "ContactGated", data: { rule: "paused", ...paid } };
  await write(
    "asked-anew",
    requested("asked-anew", person),
    { type: "AttemptStarted", data: { attempt: 1, until: "2026-11-20T10:00:30.000Z" } },
    { type: "AttemptUnknown", data: { attempt: 1, cause: "timeout" } },
    { type: "ResendAsked", data: { by: "ada", ...paid } },
    gated,
  );
  const next = await world.open("next");
  const { positions } = await openRegistry(next);
  const readToItsEnd = async () => {
    const { state } = await world.caller.jsm.streams.info(streams.sms.name);
    await expect.poll(async () => (await positions.sms.load())?.seq, { timeout: 15_000 }).toBe(state.last_seq);
  };
  await readToItsEnd();
  for (const replica of world.replicas.splice(0, world.replicas.length, next)) await replica[Symbol.asyncDispose]();
  await write("asked-anew", requested("asked-anew", person), gated);
  await readToItsEnd();
  expect(await world.historyOf(person)).toEqual(["PersonRegistered", "AttemptPermitted"]);
});

test("gives back no permit that was asked for before a gate and used after it, though nobody saw either", async () => {
  const person = await world.personOf("06 39 98 03 03");
  expect(await world.permit(person, { contact: "used-later" })).toMatchObject({ kind: "permitted" });
  await write("used-later", requested("used-later", person));
  /** By a replica of its own, after which nobody is there. */
  const readToItsEnd = async (replica: string) => {
    const service = await world.open(replica);
    world.replicas.push(service);
    const { positions } = await openRegistry(service);
    const { state } = await world.caller.jsm.streams.info(streams.sms.name);
    await expect.poll(async () => (await positions.sms.load())?.seq, { timeout: 15_000 }).toBe(state.last_seq);
    const history = await world.historyOf(person);
    for (const each of world.replicas.splice(0)) await each[Symbol.asyncDispose]();
    return history;
  };
  await readToItsEnd("before");
  await write(
    "used-later",
    { type: "ContactGated", data: { rule: "paused", ...paid } },
    requested("used-later", person),
    { type: "AttemptStarted", data: { attempt: 1, until: "2026-11-20T10:00:30.000Z" } },
    { type: "ContactAccepted", data: { attempt: 1, providerId: "x", by: "answer", ...paid } },
  );
  expect(await readToItsEnd("after")).toEqual(["PersonRegistered", "AttemptPermitted"]);
});
