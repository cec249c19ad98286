import { lineId } from "@outrider/contracts/ids";
import { accountCodec } from "@outrider/contracts/registry";
import { lineCodec, lineLimits, smsCommands } from "@outrider/contracts/sms";
import { streams, subjects } from "@outrider/contracts/streams";
import { noFaults } from "@outrider/simulators";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { attemptLimits, followed, turnsAhead } from "./config.ts";
import { scheduleWanted } from "./tail.ts";
import { expectPaced } from "./testing-pace.ts";
import { main, type Opened, only, openTurns, openWorld, type World, within } from "./testing-world.ts";
import { askForTurns } from "./turns.ts";

let world: World;
let first: Opened;
let second: Opened;
/** Numbers whose next attempt never leaves. */
const neverLeaves = new Set<string>();
beforeAll(async () => {
  world = await openWorld({ PERMIT_VALID_MS: "400", ATTEMPT_TIMEOUT_MS: "3000" });
  const open = (replica: string) =>
    world.open(replica, {}, (real) => ({
      ...real,
      send: async (access, message, guard) =>
        neverLeaves.delete(message.to.reveal()) ? { kind: "not-sent", cause: "ECONNREFUSED" } : real.send(access, message, guard),
    }));
  [first, second] = await Promise.all([open("first"), open("second")]);
});
afterEach(async () => {
  world.neighbours.permit = () => undefined;
  await world.simulator.setFaults(noFaults);
});
afterAll(() => world[Symbol.asyncDispose]());

const why = { actor: "test" };

describe("a page of allocations", () => {
  test("becomes contacts that are sent once each, by two replicas, however often the page is told", async () => {
    const account = await world.account("page");
    const people = await world.people(account, 250);
    await Promise.all([world.page(account, "2026-11-20", people), world.page(account, "2026-11-21", people)]);
    await world.page(account, "2026-11-20", people);
    await expect.poll(() => world.statuses(account, people), within).toEqual(new Set(["accepted"]));
    expect(await world.sends(people)).toHaveLength(250);
    // The second asking of each gives its credits back, and the repeated page adds nothing. On a busy machine an attempt may be given up.
    const shapes = async () => {
      const all = await Promise.all(people.map((one) => world.typesOf(account, one)));
      return new Set(all.map((types) => types.filter((type) => !type.startsWith("Attempt")).join(" ")));
    };
    const settled = ["ContactRequested RequestRedundant ContactAccepted", "ContactRequested ContactAccepted RequestRedundant"];
    await expect.poll(async () => [...(await shapes())].filter((shape) => !settled.includes(shape)), within).toEqual([]);
    await expect.poll(() => openTurns(first, account), within).toBe(0);
  });
  test("that is cut in another way when it is told again gives those who are left their turns", async () => {
    const account = await world.account("cut");
    const people = await world.people(account, 150);
    const wanted = people.map(({ request: { contact, person } }) => ({ contact, person }));
    for (const { contact, request } of people) {
      await first.sms.contacts.execute(subjects.smsContact(account, contact), { type: "Request", request }, { commandId: contact, at: "" });
    }
    await askForTurns(first.sms, account, main, wanted.slice(0, 100), why);
    await askForTurns(first.sms, account, main, wanted.slice(100), why);
    await expect.poll(() => world.statuses(account, people), within).toEqual(new Set(["accepted"]));
  });
  test("asks once for all who wait whether their line is paused", async () => {
    const account = await world.account("together");
    const people = await world.people(account, 60);
    const folds = [first, second].map(({ sms }) => vi.spyOn(sms.lines, "fold"));
    const began = performance.now();
    await world.page(account, "2026-11-20", people);
    await expect.poll(() => world.statuses(account, people), within).toEqual(new Set(["accepted"]));
    const windows = 1 + Math.ceil((performance.now() - began) / attemptLimits.lineCheckedEveryMs);
    const asked = folds.map(({ mock }) => mock.calls.filter(([, options]) => options?.fresh !== false).length);
    for (const fold of folds) fold.mockRestore();
    expect(Math.max(...asked)).toBeGreaterThan(0);
    // Each of the sixty would have asked; a few more than one a window are of turns that came late on a busy machine.
    expect(Math.max(...asked)).toBeLessThanOrEqual(windows + 10);
  });
  test("for a line that nobody has connected ends gated, and says what to do", async () => {
    const account = await world.account("unconnected");
    const people = await world.people(account, 3, { line: "other" as never });
    await world.page(account, "2026-11-20", people);
    await expect.poll(() => world.statuses(account, people), within).toEqual(new Set(["gated: line-not-connected"]));
  });
  test("gives a contact that was gated in an earlier pass a turn, though the turns of that page are still under way", async () => {
    const account = await world.account("returning");
    const [gated, slow] = await world.people(account, 2);
    if (gated === undefined || slow === undefined) throw new Error("two were made");
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.neighbours.permit = async ({ contact }) => {
      if (contact === gated.contact) return { kind: "denied", rule: "outside-hours", remedy: "later" };
      if (contact === slow.contact) await held;
      return undefined;
    };
    await world.page(account, "2026-11-20", [gated, slow]);
    await expect.poll(() => world.statusOf(account, gated.contact), within).toBe("gated: outside-hours");
    world.neighbours.permit = async ({ contact }) => (contact === slow.contact ? held.then(() => undefined) : undefined);
    await world.page(account, "2026-11-21", [gated]);
    await expect.poll(() => world.statusOf(account, gated.contact), within).not.toBe("gated: outside-hours");
    expect(await world.statusOf(account, slow.contact)).toBe("requested");
    release();
    await expect.poll(() => world.statusOf(account, gated.contact), within).toBe("accepted");
    await expect.poll(() => world.statusOf(account, slow.contact), within).toBe("accepted");
    expect(await world.sends([gated, slow])).toHaveLength(2);
    await expect.poll(() => openTurns(first, account), within).toBe(0);
  });
});

test("no contact of a page is asked for while many turns are before us; when they are taken, all are", async () => {
  const account = await world.account("ahead");
  const one = only(await world.people(account, 1));
  const looks = [first, second].map(({ sms }) => vi.spyOn(sms.kernel.jsm.consumers, "info"));
  const { consumers } = world.kernel.jsm;
  const turns = [streams.sms.name, followed.turns.durable] as const;
  await consumers.pause(...turns, new Date(Date.now() + 60_000));
  try {
    for (let n = 0; n <= turnsAhead.atMost; n++) {
      await world.append(streams.sms.name, lineCodec, subjects.smsLine(account, "other"), { type: "LineResumed", data: { by: "ada" } });
    }
    await world.page(account, "2026-11-20", [one]);
    const asked = () => looks.flatMap(({ mock }) => mock.calls).filter(([, durable]) => durable === followed.turns.durable).length;
    await expect.poll(asked, within).toBeGreaterThan(2);
    expect(await world.typesOf(account, one)).toEqual([]);
  } finally {
    await consumers.resume(...turns);
    for (const look of looks) look.mockRestore();
  }
  await expect.poll(() => world.statusOf(account, one.contact), within).toBe("accepted");
});

test("turns that are handed back again and again hold up no other account's pages", async () => {
  const [sick, well] = [await world.account("sick"), await world.account("well")];
  const failing = await world.people(sick, turnsAhead.atMost + 4);
  const one = only(await world.people(well, 1));
  world.neighbours.permit = ({ account }) => {
    if (account === sick) throw new TypeError("a bug that this account alone meets");
    return undefined;
  };
  for (const each of failing) await world.request(sick, each);
  const { consumers } = world.kernel.jsm;
  const handedBack = async () => (await consumers.info(streams.sms.name, followed.turns.durable)).num_redelivered;
  await expect.poll(handedBack, within).toBeGreaterThan(turnsAhead.atMost);
  await world.page(well, "2026-11-20", [one]);
  await expect.poll(() => world.statusOf(well, one.contact), { timeout: turnsAhead.waitAtMostMs - 1000 }).toBe("accepted");
  world.neighbours.permit = () => undefined;
  await expect.poll(() => world.statuses(sick, failing), { timeout: 60_000 }).toEqual(new Set(["accepted"]));
});

describe("a request by command", () => {
  test("ends accepted; repeated it is the same one; from elsewhere it is redundant", async () => {
    const account = await world.account("asked");
    const one = only(await world.people(account, 1));
    expect(await world.request(account, one)).toMatchObject({ outcome: "requested" });
    await expect.poll(() => world.statusOf(account, one.contact), within).toBe("accepted");
    expect(await world.request(account, one)).toMatchObject({ outcome: "requested" });
    const other = { ...one, request: { ...one.request, reservation: "elsewhere" } };
    expect(await world.request(account, other)).toMatchObject({ outcome: "redundant" });
    expect(await world.sends([one])).toHaveLength(1);
  });
  test("through no line ends gated", async () => {
    const account = await world.account("lineless");
    const one = only(await world.people(account, 1, { line: "other" as never }));
    await world.request(account, one);
    await expect.poll(() => world.statusOf(account, one.contact), within).toBe("gated: line-not-connected");
  });
  test("whose answerer was killed before it asked for a turn still gets one", async () => {
    const account = await world.account("promised");
    const one = only(await world.people(account, 1));
    const { contact, request } = one;
    await first.sms.contacts.execute(subjects.smsContact(account, contact), { type: "Request", request }, { commandId: "r", at: "" });
    await scheduleWanted(first.sms, account, contact, first.service.clock.now(), why);
    await expect.poll(() => world.statusOf(account, contact), within).toBe("accepted");
  });
});

describe("a line", () => {
  test("that was paused gates what has its turn, and none leaves", async () => {
    const account = await world.account("paused-line");
    const people = await world.people(account, 5);
    await world.service.ask(smsCommands.pauseLine, { account, line: main, by: "ada", reason: "holiday" });
    await world.page(account, "2026-11-20", people);
    await expect.poll(() => world.statuses(account, people), within).toEqual(new Set(["gated: line-paused"]));
    await world.service.ask(smsCommands.resumeLine, { account, line: main, by: "ada" });
    await world.page(account, "2026-11-21", people);
    await expect.poll(() => world.statuses(account, people), within).toEqual(new Set(["accepted"]));
  });
  test("whose service was away does not send all missed turns at once", async () => {
    const account = await world.account("missed", { minGapMs: 900 });
    const people = await world.people(account, 3);
    for (const { contact, request } of people) {
      await first.sms.contacts.execute(subjects.smsContact(account, contact), { type: "Request", request }, { commandId: contact, at: "" });
    }
    const at = new Date(first.service.clock.nowMs() - 3_600_000).toISOString();
    const turns = people.map(({ request: { contact, person } }) => ({ contact, person, at }));
    await world.append(streams.sms.name, lineCodec, subjects.smsLine(account, main), {
      type: "TurnsGiven",
      data: { day: at.slice(0, 10), turns },
    });
    await expect.poll(() => world.statuses(account, people), within).toEqual(new Set(["accepted"]));
    await expectPaced(world, account, people, 900);
  });
  test("that spreads sends the first at once, the next much later, and an answer in between", async () => {
    const account = await world.account("spreading", { spread: true, minGapMs: 1, recipientsPerDay: 10 });
    const people = await world.people(account, 4);
    const [answered, ...rest] = people;
    if (answered === undefined) throw new Error("four were made");
    await world.page(account, "2026-11-20", rest);
    await expect.poll(() => openTurns(first, account), within).toBe(2);
    const turns = [...(await first.sms.lines.fold(subjects.smsLine(account, main))).state.open.values()];
    // Nine hours are left for ten people.
    expect(Math.min(...turns.map((at) => Date.parse(at))) - first.service.clock.nowMs()).toBeGreaterThan(20 * 60_000);
    await world.request(account, answered);
    await expect.poll(() => world.statusOf(account, answered.contact), within).toBe("accepted");
    expect(await world.sends(people)).toHaveLength(2);
  });
  test("that spreads gives whoever comes back a turn in between: after a missed one, and after an attempt that never left", async () => {
    const account = await world.account("coming-back", { spread: true, minGapMs: 600, recipientsPerDay: 10 });
    const people = await world.people(account, 6);
    const [abandoned, ...others] = people;
    const [missed, rest] = [others.slice(0, 2), others.slice(2)];
    if (abandoned === undefined) throw new Error("six were made");
    neverLeaves.add(abandoned.number);
    await world.page(account, "2026-11-20", [abandoned, ...rest]);
    await expect.poll(() => openTurns(first, account), within).toBe(3);
    for (const { contact, request } of missed) {
      await first.sms.contacts.execute(subjects.smsContact(account, contact), { type: "Request", request }, { commandId: contact, at: "" });
    }
    const at = new Date(first.service.clock.nowMs() - 7_200_000).toISOString();
    const turns = missed.map(({ request: { contact, person } }) => ({ contact, person, at }));
    await world.append(streams.sms.name, lineCodec, subjects.smsLine(account, main), {
      type: "TurnsGiven",
      data: { day: at.slice(0, 10), turns },
    });
    await expect.poll(() => world.statuses(account, [abandoned, ...missed]), within).toEqual(new Set(["accepted"]));
    expect(await world.typesOf(account, abandoned)).toContain("AttemptAbandoned");
    expect(await world.statuses(account, rest)).toEqual(new Set(["requested"]));
    expect(await world.sends(people)).toHaveLength(3);
    await expectPaced(world, account, [abandoned, ...missed], 600);
  });
  test("that was made to spread by another replica spreads at once", async () => {
    const account = await world.account("made-to-spread", { minGapMs: 1000, recipientsPerDay: 10 });
    const subject = subjects.smsLine(account, main);
    await first.sms.lines.fold(subject);
    const limits = { minGapMs: 1000, jitterMs: 0, recipientsPerDay: 10, recipientsPerMonth: null, spread: true };
    await second.sms.lines.execute(subject, { type: "ChangeLimits", limits }, { commandId: "spread", at: "" });
    const wanted = (await world.people(account, 3)).map(({ request: { contact, person } }) => ({ contact, person }));
    await askForTurns(first.sms, account, main, wanted, why);
    const turns = (await world.eventsOf(streams.sms.name, lineCodec, subject)).flatMap((event) =>
      event.type === "TurnsGiven" ? event.data.turns.map(({ at }) => Date.parse(at)) : [],
    );
    expect(turns).toHaveLength(3);
    // Nine hours are left for ten people.
    for (const [index, time] of turns.entries()) if (index > 0) expect(time - (turns[index - 1] ?? 0)).toBeGreaterThan(20 * 60_000);
  });
  test("connected anew, with another key, a line keeps the limits that are not named", async () => {
    const account = await world.account("anew", { minGapMs: 7, recipientsPerDay: 9 });
    const anew = { account, line: main, provider: "smsmobileapi", apiKey: "key-anew-2" } as const;
    await world.service.ask(smsCommands.connect, { ...anew, limits: { recipientsPerDay: 3 } });
    const { limits } = await world.service.ask(smsCommands.line, { account, line: main });
    expect(limits).toEqual({ minGapMs: 7, jitterMs: 0, recipientsPerDay: 3, recipientsPerMonth: null, spread: false });
    await world.service.ask(smsCommands.connect, { ...anew, line: lineId.parse("new"), limits: {} });
    expect((await world.service.ask(smsCommands.line, { account, line: lineId.parse("new") })).limits).toEqual(lineLimits.parse({}));
  });
  test("changes only the limits that a change names", async () => {
    const account = await world.account("limits", { minGapMs: 7, recipientsPerDay: 9 });
    await world.service.ask(smsCommands.changeLimits, { account, line: main, limits: { recipientsPerDay: 3 } });
    const { limits, leftToday } = await world.service.ask(smsCommands.line, { account, line: main });
    expect([limits, leftToday]).toEqual([{ minGapMs: 7, jitterMs: 0, recipientsPerDay: 3, recipientsPerMonth: null, spread: false }, 3]);
  });
});

test("a pause that comes right before the request is written stops it, and the contact ends paused", async () => {
  await using alone = await openWorld();
  let reached = 0;
  const replica = await alone.open("only", {}, (real) => ({
    ...real,
    send: async (access, message, guard) => {
      reached += 1;
      await alone.append(streams.registry.name, accountCodec, subjects.account(account), { type: "AccountPaused", data: { by: "ada" } });
      await vi.waitFor(() => expect(replica.sms.accounts.pausedBy(account)).toBe("account"), within);
      return real.send(access, message, guard);
    },
  }));
  const account = await alone.account("stopped");
  const one = only(await alone.people(account, 1));
  await alone.request(account, one);
  await expect.poll(() => alone.statusOf(account, one.contact), within).toBe("gated: paused");
  expect(reached).toBe(1);
  expect(await alone.sends([one])).toEqual([]);
  expect((await alone.contactEvents(account, one.contact)).map(({ type }) => type)).toEqual([
    ...["ContactRequested", "AttemptStarted", "AttemptAbandoned", "ContactGated"],
  ]);
});
