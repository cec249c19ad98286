import { offerToBuyNotice } from "@outrider/contact-policy";
import type { Allocation } from "@outrider/contracts/hunts";
import { accountId, adId, contactId, huntId, lineId, type PersonId, personId, runId } from "@outrider/contracts/ids";
import { accountPolicy } from "@outrider/contracts/registry";
import fc from "fast-check";
import { expect, test } from "vitest";
import { allocate } from "./allocate.ts";
import type { Found } from "./candidates.ts";
import { capacityOf, type PlayOptions, playOf } from "./play.ts";
import { type Run, type RunCommand, runs } from "./run.ts";
import { prices } from "./testing-allocations.ts";
import { huntDefinitionOf } from "./testing-definitions.ts";
import { contactOf, preview } from "./verdicts.ts";
import type { AdDocument, Contacted, HuntDocument } from "./views.ts";

/** Whole days of one account, its passes one after another, through the rules themselves: gate, limits, sharing, and the run. */

const account = accountId.parse("acc");
const names = ["h0", "h1", "h2"].map((name) => huntId.parse(name));
const lines = { sms: ["l0", "l1"].map((line) => lineId.parse(line)), whatsapp: ["w0"].map((line) => lineId.parse(line)) };
const facts = { country: "FR", lineType: "mobile", zones: ["Europe/Paris"], fiction: true } as const;
/** A Monday. */
const start = Date.parse("2026-11-16T10:00:00Z");
const dayMs = 86_400_000;

const limit = fc.option(fc.nat(6), { nil: null });
const day = fc.array(
  fc.record({
    rowsPerPage: fc.integer({ min: 1, max: 3 }),
    /** Which of two replicas that have made the same plan speaks next. */
    turns: fc.array(fc.nat(1), { maxLength: 12 }),
    granted: fc.nat(6),
  }),
  { maxLength: 3 },
);
const story = fc.record({
  prices,
  accountLimit: limit,
  requested: fc.nat(2),
  lineLimits: fc.tuple(limit, limit, limit),
  recontactAfterDays: fc.nat(6),
  hunts: fc.array(fc.record({ limit, priority: fc.integer({ min: 1, max: 9 }), line: fc.nat(1), dear: fc.boolean() }), {
    ...{ minLength: 3, maxLength: 3 },
  }),
  people: fc.array(fc.subarray(names, { minLength: 1 }), { minLength: 1, maxLength: 10 }),
  days: fc.array(day, { minLength: 1, maxLength: 9 }),
});
type Story = typeof story extends fc.Arbitrary<infer S> ? S : never;

const accountOf = ({ accountLimit, recontactAfterDays }: Pick<Story, "accountLimit" | "recontactAfterDays">) => ({
  ...{ account, name: "Acme", timeZone: "Europe/Paris", country: "FR", paused: false, providers: new Map() },
  policy: accountPolicy.parse({ dailyLimit: accountLimit, recontactAfterDays }),
  offerToBuyConfirmed: { by: "ops", at: "2026-01-01T00:00:00Z", notice: offerToBuyNotice },
});
const huntsOf = (hunts: Story["hunts"]): HuntDocument[] =>
  hunts.map(({ limit: dailyLimit, priority, line, dear }, index) => {
    const hunt = names[index] ?? huntId.parse("h0");
    const channels = dear ? ["whatsapp", "sms"] : ["sms"];
    const given = {
      channels,
      lines: { sms: lines.sms[line], whatsapp: lines.whatsapp[0] },
      templates: { sms: "Hello", whatsapp: "Hello" },
    };
    const definition = huntDefinitionOf(hunt, { ...given, dailyLimit, priority, criteria: { makes: [hunt], maxAgeDays: 1000 } });
    return { account, status: "active", hunt, definition };
  });
const adOf = (person: PersonId, make: string): AdDocument => ({
  ...{
    account,
    ad: adId.parse(`${person}-${make}`),
    person,
    facts: { ...facts, zones: [...facts.zones] },
    source: "s",
    title: "t",
    make,
    ownerType: "private",
  },
  ...{ noCanvassing: false, publishedMs: start - dayMs, seenMs: start - dayMs },
});

interface Contact {
  readonly row: Allocation;
  readonly day: number;
  readonly pass: number;
  readonly at: string;
}

const foundOf = (person: PersonId, wantedBy: readonly string[], past: readonly Contact[]): Found => {
  const contacts = past
    .filter(({ row }) => row.person === person)
    .map(({ row: { hunt, contact, channel, purpose }, at, pass }): Contacted => ({ hunt, contact, channel, purpose, at, run: "", pass }));
  const contacted = contacts.length === 0 ? undefined : { account, person, contacts, denials: {}, lastMs: 0 };
  return { person, ads: wantedBy.map((name) => adOf(person, name)), contacted, gated: new Map() };
};

/** What two replicas that have made the same plan get into the run, whoever of them speaks when. */
const appended = (
  run: Run,
  pass: number,
  plan: readonly Allocation[],
  { rowsPerPage, turns }: Story["days"][number][number],
): Allocation[] => {
  const got: Allocation[] = [];
  const tell = (command: RunCommand): void => {
    const decision = runs.decide(run, command);
    for (const event of decision.accepted ? decision.events : []) {
      runs.evolve(run, event, "");
      if (event.type === "PageAllocated") got.push(...event.data.rows);
    }
  };
  const held = plan.reduce((sum, { credits }) => sum + credits, 0);
  tell({ type: "OpenPass", run: runId.parse("2026-11-16"), by: "hand", hunts: names });
  tell({ type: "RecordReservation", pass, reservation: `r${pass}`, wanted: held, held });
  const pages = Math.ceil(plan.length / rowsPerPage);
  const next = [1, 1];
  const speak = (replica: number): void => {
    const page = next[replica] ?? 1;
    if (page > pages) return;
    tell({ type: "AllocatePage", pass, page, rows: plan.slice((page - 1) * rowsPerPage, page * rowsPerPage) });
    next[replica] = page + 1;
  };
  for (const replica of turns) speak(replica);
  for (let page = 0; page < pages; page++) for (const replica of [0, 1]) speak(replica);
  const tallies = names.map((hunt) => {
    const allocated = got.filter((row) => row.hunt === hunt).length;
    return { hunt, found: allocated, allocated, skipped: {} };
  });
  tell({ type: "ClosePass", pass, pages, hunts: tallies });
  expect(got).toEqual(plan);
  return got;
};

const lived = (told: Story): { contacts: Contact[]; granted: number } => {
  const known = accountOf(told);
  const hunts = huntsOf(told.hunts);
  const byLine = [...lines.sms, ...lines.whatsapp].map((line, index) => {
    const perDay = told.lineLimits[index] ?? null;
    return [line, { paused: false, leftToday: perDay, perDay }] as const;
  });
  const contacts: Contact[] = [];
  let balance = 0;
  let granted = 0;
  for (const [index, passes] of told.days.entries()) {
    const nowMs = start + index * dayMs;
    const now = new Date(nowMs).toISOString();
    const run = runs.initial();
    for (const [number, each] of passes.entries()) {
      const pass = number + 1;
      granted += each.granted;
      balance += each.granted;
      const requested = { all: told.requested, hunts: { h0: told.requested } };
      const options: PlayOptions = {
        ...{ account: known, accounts: { pausedBy: () => undefined }, lines: new Map(byLine) },
        ...{ prices: told.prices, nowMs, run, requested },
      };
      const { candidate, judge } = preview({ account: known, hunts: new Map(hunts.map((hunt) => [hunt.hunt, hunt])), now, sandbox: true });
      const plan = allocate({
        hunts: playOf(hunts, options).hunts,
        candidates: told.people.map((wantedBy, at) => candidate(foundOf(personId.parse(`p${at}`), wantedBy, contacts))),
        capacity: capacityOf(options, balance, 1000),
        judge,
      }).rows.map(
        ({ hunt, person, ad, channel, line, price }): Allocation => ({
          ...{ contact: contactId.parse(contactOf(account, hunt, person)), person, ad, hunt, step: 1, channel, line, credits: price },
          ...{ text: { k: "k", v: "v" }, purpose: "prospecting", legalBasis: "offer-to-buy", noCanvassing: false, ownerType: "private" },
        }),
      );
      for (const row of appended(run, pass, plan, each)) {
        balance -= row.credits;
        contacts.push({ row, day: index, pass, at: now });
      }
    }
  }
  return { contacts, granted };
};

const check = (what: (told: Story, lived_: ReturnType<typeof lived>) => void): void =>
  fc.assert(
    fc.property(story, (told) => {
      what(told, lived(told));
    }),
    { numRuns: 150 },
  );
/** The most rows that any day has for one of `keys`. */
const mostADay = (contacts: readonly Contact[], of: (row: Allocation) => string, key: string): number => {
  const days = Map.groupBy(
    contacts.filter(({ row }) => of(row) === key),
    (contact) => contact.day,
  );
  return Math.max(0, ...[...days.values()].map(({ length }) => length));
};
const room = (limited: number | null | undefined, requested = 0): number =>
  limited === null || limited === undefined ? Number.POSITIVE_INFINITY : Math.max(0, limited - requested);

test("per account and day: never exceeded by any number of passes, also when two replicas run each of them", () =>
  check(({ accountLimit, requested }, { contacts }) => {
    expect(mostADay(contacts, () => "", "")).toBeLessThanOrEqual(room(accountLimit, requested));
  }));

test("per hunt and day: never exceeded by any number of passes, also when two replicas run each of them", () =>
  check(({ hunts, requested }, { contacts }) => {
    for (const [index, { limit: limited }] of hunts.entries()) {
      expect(mostADay(contacts, ({ hunt }) => hunt, `h${index}`)).toBeLessThanOrEqual(room(limited, index === 0 ? requested : 0));
    }
  }));

test("per sender and channel and day: never exceeded, although a sender's own answer lags behind what it was given", () =>
  check(({ lineLimits }, { contacts }) => {
    for (const [index, line] of [...lines.sms, ...lines.whatsapp].entries()) {
      expect(mostADay(contacts, (row) => row.line, line)).toBeLessThanOrEqual(room(lineLimits[index]));
    }
  }));

test("credits: all days' rows together never cost more than was granted, each at its channel's price", () =>
  check((told, { contacts, granted }) => {
    expect(contacts.reduce((sum, { row }) => sum + row.credits, 0)).toBeLessThanOrEqual(granted);
    for (const { row } of contacts) expect(row.credits).toBe(row.channel === "sms" ? told.prices.sms : told.prices.whatsapp);
  }));

test("a person is contacted once per hunt and step, whatever the day, the pass, the ad and the channel", () =>
  check((_, { contacts }) => {
    expect(new Set(contacts.map(({ row }) => row.contact)).size).toBe(contacts.length);
    expect(new Set(contacts.map(({ row }) => `${row.hunt} ${row.person} ${row.step}`)).size).toBe(contacts.length);
  }));

test("no other hunt contacts a person before recontactAfterDays", () =>
  check(({ recontactAfterDays }, { contacts }) => {
    for (const own of Map.groupBy(contacts, ({ row }) => row.person).values()) {
      for (const [index, { day: later }] of own.entries()) {
        if (index > 0) expect(later - (own[index - 1]?.day ?? 0)).toBeGreaterThanOrEqual(recontactAfterDays);
      }
    }
  }));

test("another hunt may contact a person from recontactAfterDays on, and not a day later", () => {
  fc.assert(
    fc.property(fc.nat(6), fc.integer({ min: 1, max: 9 }), (recontactAfterDays, days) => {
      const told: Story = {
        ...{ prices: { sms: 1, whatsapp: 1, voicemail: 1 }, accountLimit: null, requested: 0, lineLimits: [null, null, null] },
        hunts: names.map(() => ({ limit: null, priority: 5, line: 0, dear: false })),
        ...{ recontactAfterDays, people: [names.slice(0, 2)] },
        days: Array.from({ length: days }, () => [{ rowsPerPage: 1, turns: [], granted: 9 }]),
      };
      // The first Sunday is the seventh day: whoever comes due on it is written to on Monday.
      const due = recontactAfterDays === 0 ? 1 : recontactAfterDays === 6 ? 7 : recontactAfterDays;
      expect(lived(told).contacts.map(({ day: on }) => on)).toEqual(due < days ? [0, due] : [0]);
    }),
  );
});
