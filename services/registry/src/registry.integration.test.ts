import { accountId, type PersonId, partitionOf } from "@outrider/contracts/ids";
import { erasureCodec, type PersonEvent, personCodec } from "@outrider/contracts/registry";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { streams, subjects } from "@outrider/contracts/streams";
import { type Codec, jetStreamStore, schedules } from "@outrider/eventing";
import { kernelOf, keyIds } from "@outrider/platform";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { names } from "./config.ts";
import { openRegistry } from "./registry.ts";
import { account, creation, hashOf, numbersFrom, openWorld, type World } from "./testing-world.ts";

const { createAccount, erase } = registryCommands;

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** One more replica, which ends with the others. */
const opened = async (replica: string) => {
  const service = await world.open(replica);
  world.replicas.push(service);
  return service;
};

describe("an account", () => {
  test("is created once, keeps its secret, and lets its key in", async () => {
    expect(await world.caller.ask(createAccount, creation)).toMatchObject({ created: true });
    expect(await world.caller.ask(createAccount, creation)).toMatchObject({ created: false });
    await expect(world.caller.ask(createAccount, { ...creation, name: "Other" })).rejects.toMatchObject({ slug: "already-exists" });
    expect(await world.caller.ask(registryCommands.authenticate, { account, hash: hashOf("secret") })).toEqual({ scopes: ["admin"] });
    await expect(world.caller.ask(registryCommands.authenticate, { account, hash: hashOf("guess") })).rejects.toMatchObject({
      slug: "unauthorised",
    });
  });
  test.each([
    ["FR", {}, [1, 2, 3, 4, 5, 6]],
    ["US", {}, [1, 2, 3, 4, 5, 6, 7]],
    ["US", { runWeekdays: [1, 2] }, [1, 2]],
    ["DE", { dailyLimit: 5 }, [1, 2, 3, 4, 5, 6]],
  ])("of %s runs on the weekdays that its country leaves open, unless it says which: %o", async (country, named, runWeekdays) => {
    const other = accountId.parse(`of-${country}-${Object.keys(named).length}`);
    const wanted = { ...creation, account: other, country, policy: named };
    expect(await world.caller.ask(createAccount, wanted)).toMatchObject({ created: true });
    expect(await world.caller.ask(createAccount, wanted)).toMatchObject({ created: false });
    const { policy } = await world.caller.ask(registryCommands.account, { account: other });
    expect(policy).toMatchObject({ ...named, runWeekdays, dailyRunEnabled: true, recontactAfterDays: 30 });
  });
  test("is of a country whose numbers can be read", async () => {
    const wanted = { ...creation, account: accountId.parse("nowhere"), country: "XX" };
    await expect(world.caller.ask(createAccount, wanted)).rejects.toMatchObject({ slug: "invalid-request" });
  });
  test.each(["hello", "0 9 * *", "0 0 9 * * *", "61 9 * * *", "0 9 31 2 *"])(
    "never takes '%s' for the begin of its days",
    async (dailyRunCron) => {
      const bad = { slug: "invalid-request", rule: "bad-cron" };
      await expect(world.caller.ask(registryCommands.changePolicy, { account, policy: { dailyRunCron } })).rejects.toMatchObject(bad);
      const other = { ...creation, account: accountId.parse("never"), policy: { dailyRunCron } };
      await expect(world.caller.ask(createAccount, other)).rejects.toMatchObject(bad);
    },
  );
  test.each(["0 9 * * *", " 30  8 * * 1-5 ", "0 9 * * 7", "*/7 9 * * *"])("takes '%s'", async (dailyRunCron) => {
    expect(await world.caller.ask(registryCommands.changePolicy, { account, policy: { dailyRunCron } })).toHaveProperty("seq");
  });
  test("tells the keys that open something, never their hashes", async () => {
    const key = { key: "second", label: "dashboard", scopes: ["read" as const] };
    await world.caller.ask(registryCommands.addApiKey, { account, ...key, hash: hashOf("dashboard") });
    const keysOf = async () => (await world.caller.ask(registryCommands.account, { account })).keys;
    expect(await keysOf()).toEqual([expect.objectContaining({ scopes: ["admin"] }), key]);
    expect(JSON.stringify(await keysOf())).not.toContain(hashOf("dashboard"));
    await world.caller.ask(registryCommands.revokeApiKey, { account, key: "second" });
    expect(await keysOf()).toHaveLength(1);
  });
  test("changes only what a change of policy names", async () => {
    await world.caller.ask(registryCommands.changePolicy, { account, policy: { recontactAfterDays: 7 } });
    await world.caller.ask(registryCommands.changePolicy, { account, policy: { dailyLimit: 100_000 } });
    const { policy } = await world.caller.ask(registryCommands.account, { account });
    expect(policy).toMatchObject({ recontactAfterDays: 7, dailyLimit: 100_000, dailyRunEnabled: true });
  });
  test("may write with an offer to buy after it has confirmed the notice", async () => {
    const person = await world.personOf("06 39 98 90 00");
    expect(await world.permit(person)).toMatchObject({ kind: "denied", rule: "offer-to-buy-unconfirmed" });
    const unread = world.caller.ask(registryCommands.confirmOfferToBuy, { account, by: "Anne", notice: "v1" });
    await expect(unread).rejects.toMatchObject({ slug: "refused", message: expect.stringContaining("GET /v1/account") });
    const { offerToBuyNotice: notice = "", offerToBuyConfirmed } = await world.caller.ask(registryCommands.account, { account });
    expect(offerToBuyConfirmed).toBeUndefined();
    await world.caller.ask(registryCommands.confirmOfferToBuy, { account, by: "Anne", notice });
    await expect.poll(() => world.permit(person)).toMatchObject({ kind: "permitted" });
  });
});

describe("people", () => {
  test("500 numbers are 500 people, and the same ones when they are asked for again", async () => {
    const numbers = numbersFrom(0, 500);
    const first = await world.found(numbers);
    const before = await world.messages();
    expect(new Set(first.map((one) => one.kind !== "invalid" && one.person)).size).toBe(500);
    expect(first.every((one) => one.kind === "person" && !one.erased && one.facts.fiction)).toBe(true);
    expect(await world.found(numbers)).toEqual(first);
    expect(await world.found(numbers.map((number) => number.replace("0", "+33")))).toEqual(first);
    expect(await world.messages()).toBe(before);
  });
  test("are told apart from what is no number, and registered only when wanted", async () => {
    expect(await world.found(["hello", "06 39 98 99 99"], false)).toMatchObject([{ kind: "invalid" }, { kind: "unknown" }]);
    expect(await world.found(["06 39 98 99 99"])).toMatchObject([{ kind: "person" }]);
  });
  test("whose key has been destroyed for ever are not made anew", async () => {
    const [unknown, neighbour] = await world.found(["06 39 98 99 00", "06 39 98 99 01"], false);
    if (unknown?.kind !== "unknown") throw new Error("nobody has asked for this number before");
    await world.caller.keyring.ensure([keyIds.person(account, unknown.person)]);
    await world.caller.keyring.destroy(keyIds.person(account, unknown.person));
    expect(await world.found(["06 39 98 99 00", "06 39 98 99 01"])).toMatchObject([
      { kind: "person", person: unknown.person, erased: true },
      { kind: "person", person: neighbour?.kind === "unknown" && neighbour.person, erased: false },
    ]);
  });
  test("are imported as fast as their file is read", async () => {
    const pages = Array.from({ length: 10 }, (_, page) => numbersFrom(1000 + page * 500, 500));
    const began = performance.now();
    for (const page of pages) await world.found(page);
    const registered = performance.now();
    for (let round = 0; round < 4; round++) await Promise.all(pages.map((page) => world.found(page)));
    const again = performance.now();
    const rate = (count: number, ms: number) => Math.round(count / (ms / 1000));
    process.stdout.write(`people: ${rate(5000, registered - began)} new/s, ${rate(20_000, again - registered)} known/s\n`);
  });
});

test("nobody has agreed tomorrow", async () => {
  const person = await world.personOf("06 39 98 02 09");
  const consent = { account, person, source: "form", basis: "consent" } as const;
  const inADay = new Date(world.caller.clock.nowMs() + 86_400_000).toISOString();
  await expect(world.caller.ask(registryCommands.recordConsent, { ...consent, at: inADay })).rejects.toMatchObject({
    slug: "invalid-request",
  });
  expect(await world.caller.ask(registryCommands.recordConsent, { ...consent, at: world.caller.clock.now() })).toHaveProperty("seq");
});

const storeOf = <Event>(codec: Codec<Event>) => {
  const { jsm } = world.caller;
  return jetStreamStore({ jsm, publisher: kernelOf(world.caller).publisher, stream: streams.registry.name, codec });
};
/** What the senders were told of an erasure. */
const announced = async (person: PersonId) =>
  (await storeOf(erasureCodec).tail(subjects.erasure(account, person), 0)).map(({ events }) => events);

describe("an erased person", () => {
  test("is denied at once, and their key is destroyed after the grace", async () => {
    const number = "06 39 98 02 00";
    const person = await world.personOf(number);
    const sealed = await world.permit(person);
    await world.caller.ask(registryCommands.recordConsent, {
      account,
      person,
      source: "form",
      basis: "consent",
      at: world.caller.clock.now(),
    });
    const exported = await world.caller.ask(registryCommands.exportPerson, { account, person });
    expect(exported).toMatchObject({
      number: "+33639980200",
      events: [{ type: "PersonRegistered", data: { number: "+33639980200" } }, {}, {}],
    });
    await world.caller.ask(erase, { account, person, by: "api" });
    expect(await world.permit(person)).toMatchObject({ kind: "denied", rule: "erased" });
    const nothing = await world.caller.ask(registryCommands.exportPerson, { account, person });
    expect(nothing).toMatchObject({ number: "erased", events: [{ data: { number: "erased" } }, {}, {}, {}, {}] });
    await world.caller.ask(erase, { account, person, by: "api" });
    expect(await announced(person)).toEqual([[{ type: "ErasureAnnounced", data: { person } }]]);
    expect(await world.caller.keyring.stateOf(keyIds.person(account, person))).toBe("live");
    await expect
      .poll(() => world.caller.keyring.stateOf(keyIds.person(account, person)), { timeout: 20_000, interval: 100 })
      .toBe("destroyed");
    await expect.poll(() => world.historyOf(person)).toContain("PersonKeyDestroyed");
    expect(await world.caller.ask(registryCommands.number, { account, person })).toEqual({ number: null });
    expect(await world.caller.ask(registryCommands.exportPerson, { account, person })).toMatchObject({ number: "erased" });
    const stranger = await world.open("stranger"); // a process that never held the key
    if (sealed.kind === "permitted") expect(await stranger.keyring.open(sealed.number)).toBe("erased");
    await stranger[Symbol.asyncDispose]();
    await expect.poll(() => world.found([number]), { timeout: 5000 }).toMatchObject([{ kind: "person", person, erased: true }]);
    const why = await world.caller.ask(registryCommands.whyPerson, { account, person });
    expect(why).toMatchObject({ known: true, erased: true, verdict: { kind: "denied", rule: "erased" } });
  });
  test("by one replica is known to the other as soon as it looks them up, whatever it remembers of them", async () => {
    const number = "06 39 98 04 77";
    const person = await world.personOf(number);
    await world.permit(person);
    const parts = await openRegistry(await opened("looks-up"));
    const remembered = await parts.persons.fold(subjects.person(account, person));
    expect(remembered.state.status).toBe("known");
    const cause = { commandId: "erased-elsewhere", at: new Date().toISOString() };
    const elsewhere = (await openRegistry(await opened("erases"))).persons;
    await elsewhere.execute(subjects.person(account, person), { type: "Erase", by: "ada" }, cause);
    const [sealed] = await world.caller.keyring.sealMany([{ keyId: keyIds.account(account), plain: number }]);
    if (sealed === undefined) throw new Error("one was sealed");
    expect(await parts.people.find(account, [sealed], { register: false }, { ...cause, commandId: "find" })).toMatchObject([
      { person, erased: true },
    ]);
  });
  test("whose alarm rings early keeps their key until the grace is over", async () => {
    const person = await world.personOf("06 39 98 02 03");
    const subject = subjects.person(account, person);
    await world.caller.ask(erase, { account, person, by: "api" });
    const key = `${partitionOf(account)}.${account}.${person}`;
    const early = { commandId: "early", at: world.caller.clock.now() };
    await schedules(kernelOf(world.caller)).at(names.purgeKey, key, new Date(), { account, person }, early);
    const erasedAt = (await storeOf(personCodec).last(subject))?.at ?? "";
    await expect.poll(() => world.historyOf(person), { timeout: 20_000, interval: 100 }).toContain("PersonKeyDestroyed");
    const destroyed = await world.caller.jsm.streams.getMessage(streams.registry.name, { last_by_subj: subject });
    const { ERASURE_KEY_GRACE_MS: grace } = world.caller.config;
    expect(destroyed?.time.getTime()).toBeGreaterThanOrEqual(world.caller.clock.toReal(erasedAt).getTime() + grace);
  });
  test("whose alarm was lost loses their key all the same, once", async () => {
    const person = await world.personOf("06 39 98 02 01");
    await world.caller.ask(erase, { account, person, by: "api" });
    await world.caller.jsm.streams.purge(streams.schedule.name, { filter: "schedule.registry.>" });
    await expect.poll(() => world.historyOf(person), { timeout: 20_000, interval: 100 }).toContain("PersonKeyDestroyed");
    expect(await world.caller.keyring.stateOf(keyIds.person(account, person))).toBe("destroyed");
    expect((await world.historyOf(person)).filter((type) => type === "PersonKeyDestroyed")).toHaveLength(1);
  });
  test("whose eraser was killed before telling the senders is told to them with the end of the key", async () => {
    const person = await world.personOf("06 39 98 02 02");
    const persons = storeOf(personCodec);
    const subject = subjects.person(account, person);
    const expected = (await persons.last(subject))?.revision ?? 0;
    const events: PersonEvent[] = [{ type: "PersonErased", data: { by: "api" } }];
    const append = { commandId: "killed", executionId: "killed", at: world.caller.clock.now(), events, expected, closing: 0 };
    await persons.append(subject, append, performance.now() + 5000);
    expect(await announced(person)).toEqual([]);
    await expect.poll(() => world.historyOf(person), { timeout: 20_000, interval: 100 }).toContain("PersonKeyDestroyed");
    expect(await announced(person)).toEqual([[{ type: "ErasureAnnounced", data: { person } }]]);
  });
});

test("why counts what was written by hand: no hunt may follow at once", async () => {
  const person = await world.personOf("06 39 98 02 08");
  expect(await world.permit(person, { hunt: undefined })).toMatchObject({ kind: "permitted" });
  const { verdict } = await world.caller.ask(registryCommands.whyPerson, { account, person });
  expect(verdict).toMatchObject({ kind: "deferred", rule: "contacted-recently" });
});

test("why tells the latest of a long history", async () => {
  const person = await world.personOf("06 39 98 04 00");
  for (let index = 0; index < 510; index++)
    await world.caller.ask(registryCommands.recordConsent, {
      account,
      person,
      source: `form ${index}`,
      basis: "consent",
      at: world.caller.clock.now(),
    });
  await world.caller.ask(registryCommands.optOut, { account, person, by: "api" });
  const { history } = await world.caller.ask(registryCommands.whyPerson, { account, person });
  expect(history.length).toBe(500);
  expect(history.at(-1)).toMatchObject({ type: "OptedOut" });
});
