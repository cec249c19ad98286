import { Refusal } from "@outrider/platform";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { expectPaced } from "./testing-pace.ts";
import { type Opened, only, openTurns, openWorld, type World, within } from "./testing-world.ts";

let world: World;
let first: Opened;
let second: Opened;
beforeAll(async () => {
  world = await openWorld({ PERMIT_VALID_MS: "400", ATTEMPT_TIMEOUT_MS: "3000" });
  [first, second] = await Promise.all([world.open("first"), world.open("second")]);
});
afterEach(() => {
  world.neighbours.permit = () => undefined;
});
afterAll(() => world[Symbol.asyncDispose]());

describe("a permit", () => {
  test("that is denied ends the contact with its rule and what would help", async () => {
    const account = await world.account("denied");
    const [one, stranger] = await world.people(account, 2);
    if (one === undefined || stranger === undefined) throw new Error("two were made");
    world.neighbours.numbers.delete(stranger.request.person);
    world.neighbours.permit = () => ({ kind: "denied", rule: "opted-out", remedy: "nothing" });
    await Promise.all([one, stranger].map((each) => world.request(account, each)));
    await expect.poll(() => world.statusOf(account, one.contact), within).toBe("gated: opted-out");
    await expect.poll(() => world.statusOf(account, stranger.contact), within).toBe("gated: unknown-person");
    expect((await world.contactEvents(account, one.contact)).at(-1)).toMatchObject({
      data: { rule: "opted-out", remedy: "nothing", credits: 1 },
    });
    expect(await world.sends([one, stranger])).toEqual([]);
  });
  test("that is deferred waits for its moment, and those who waited keep their line's gap", async () => {
    const account = await world.account("deferred", { minGapMs: 700 });
    const people = await world.people(account, 3);
    const until = new Date(first.service.clock.nowMs() + 3000).toISOString();
    world.neighbours.permit = ({ account: of }) =>
      of === account && first.service.clock.now() < until ? { kind: "deferred", until, rule: "outside-hours", remedy: "wait" } : undefined;
    await world.page(account, "2026-11-20", people);
    await expect.poll(() => world.statuses(account, people), within).toEqual(new Set(["accepted"]));
    const sent = (await world.sends(people)).map(({ at }) => Date.parse(at)).toSorted((one, other) => one - other);
    expect(sent).toHaveLength(3);
    expect(first.service.clock.toReal(until).getTime()).toBeLessThanOrEqual(sent[0] ?? 0);
    await expectPaced(world, account, people, 700);
  });
  test("that is deferred beyond the day ends the contact", async () => {
    const account = await world.account("tomorrow");
    const one = only(await world.people(account, 1));
    world.neighbours.permit = () => ({ kind: "deferred", until: "2026-11-21T08:00:00.000Z", rule: "outside-hours", remedy: "wait" });
    await world.request(account, one);
    await expect.poll(() => world.statusOf(account, one.contact), within).toBe("gated: outside-hours");
  });
  test("is asked for with what the hunt offers, so that the country's law about it is applied again", async () => {
    const account = await world.account("works");
    const one = only(await world.people(account, 1, { sector: "energy-renovation" }));
    await world.request(account, one);
    await expect.poll(() => world.statusOf(account, one.contact), within).toBe("accepted");
    const asked = world.neighbours.permitsAsked.filter(({ contact }) => contact === one.contact);
    expect(asked.map(({ sector }) => sector)).toEqual(["energy-renovation"]);
  });
  test("that came too late is asked for again before anything leaves", async () => {
    const account = await world.account("slow");
    const one = only(await world.people(account, 1));
    const asked = () => world.neighbours.permitsAsked.filter(({ contact }) => contact === one.contact);
    world.neighbours.permit = async ({ contact }) => {
      if (contact === one.contact && asked().length === 1) await new Promise((late) => setTimeout(late, 500));
      return undefined;
    };
    await world.request(account, one);
    await expect.poll(() => world.statusOf(account, one.contact), within).toBe("accepted");
    expect(asked().map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect(await world.sends([one])).toHaveLength(1);
  });
  test("that always comes too late is not asked for without end: the contact keeps its place and is sent when it comes in time", async () => {
    const account = await world.account("slower");
    const one = only(await world.people(account, 1));
    let late = 500;
    world.neighbours.permit = async ({ contact }) => {
      if (contact === one.contact) await new Promise((answered) => setTimeout(answered, late));
      return undefined;
    };
    await world.request(account, one);
    await expect.poll(() => world.typesOf(account, one), within).toContain("AttemptAbandoned");
    expect(await world.sends([one])).toEqual([]);
    late = 0;
    await expect.poll(() => world.statusOf(account, one.contact), within).toBe("accepted");
    expect(await world.sends([one])).toHaveLength(1);
  });
  test("cannot be had while registry is down: nothing leaves, and then all goes on", async () => {
    const account = await world.account("alone");
    const people = await world.people(account, 20);
    await world.neighbours.registryStops();
    await world.page(account, "2026-11-20", people);
    const reasons = () => [first, second].flatMap(({ service }) => service.health.reasons()).join();
    await vi.waitFor(() => expect(reasons()).toContain("registry"), within);
    expect(await world.sends(people)).toEqual([]);
    expect(await world.statuses(account, people)).toEqual(new Set(["requested"]));
    await world.neighbours.registryStarts();
    await expect.poll(() => world.statuses(account, people), { ...within, timeout: 40_000 }).toEqual(new Set(["accepted"]));
    expect(await world.sends(people)).toHaveLength(20);
  });
  test("that only some can have in time holds up nobody else's, and every turn is ended", async () => {
    const account = await world.account("some");
    const people = await world.people(account, 20);
    const sick = new Set(people.slice(0, 5).map(({ contact }) => String(contact)));
    let isSick = true;
    world.neighbours.permit = ({ contact }) => {
      if (isSick && sick.has(contact)) throw new Refusal("unavailable", "not now");
      return undefined;
    };
    await world.page(account, "2026-11-20", people);
    await expect.poll(() => world.statuses(account, people.slice(5)), within).toEqual(new Set(["accepted"]));
    await expect.poll(() => openTurns(first, account), within).toBe(5);
    isSick = false;
    await expect.poll(() => world.statuses(account, people), within).toEqual(new Set(["accepted"]));
    await expect.poll(() => openTurns(first, account), within).toBe(0);
    expect(await world.sends(people)).toHaveLength(20);
  });
});
