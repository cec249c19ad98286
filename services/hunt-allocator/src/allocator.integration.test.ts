import { type ImportEvent, importCodec } from "@outrider/contracts/ads";
import { type ContactEvent, type ContactRequest, contactCodec } from "@outrider/contracts/contact";
import type { NumberFacts } from "@outrider/contracts/fields";
import { huntCommands } from "@outrider/contracts/hunts";
import { contactId, huntId, type PersonId } from "@outrider/contracts/ids";
import { type AccountEvent, accountCodec, accountPolicy, personCodec } from "@outrider/contracts/registry";
import { streams, subjects } from "@outrider/contracts/streams";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { runOf } from "./play.ts";
import { line, template } from "./testing-definitions.ts";
import { closed, createHunt, newAccount, noon, openWorld, passOf, personOf, today, type World } from "./testing-world.ts";

let world: World;
let first: Awaited<ReturnType<World["open"]>>;
beforeAll(async () => {
  world = await openWorld();
  first = await world.open("first");
});
afterAll(() => world[Symbol.asyncDispose]());

const sumOf = (skipped: Readonly<Record<string, number>>): number => Object.values(skipped).reduce((sum, count) => sum + count, 0);

test("a pass writes to each owner once, adds up, and a second pass contacts nobody twice", async () => {
  const account = newAccount("garage");
  await world.createAccount(account);
  await world.listAds(account, [
    ...Array.from({ length: 290 }, () => ({})),
    ...Array.from({ length: 10 }, (_, index) => ({ person: personOf(index), sourceId: `second-${index}` })),
  ]);
  await createHunt(world, account, "all");
  await createHunt(world, account, "cheap", { criteria: { priceTo: 5099 } });
  await createHunt(world, account, "limited", { dailyLimit: 20, priority: 9 });

  const counts = vi.spyOn(first.instruments, "count");
  const times = vi.spyOn(first.instruments, "time");
  onTestFinished(() => [counts, times].forEach((spy) => void spy.mockRestore()));
  const one = await passOf(world, account);
  expect(one).toMatchObject({ run: today, pass: 1, open: false, allocated: 290, rest: 0, reserved: 290 });
  expect(one.found).toBe(300 + 100 + 300);
  expect(one.found).toBe(one.allocated + sumOf(one.skipped));
  for (const hunt of one.hunts) expect(hunt.found).toBe(hunt.allocated + sumOf(hunt.skipped));
  expect(one.hunts.find(({ hunt }) => hunt === "limited")).toMatchObject({ allocated: 20, channels: { sms: 20 } });
  const rows = await world.rowsOf(account, one.run);
  expect(new Set(rows.map(({ person }) => person)).size).toBe(290);
  const [row] = rows;
  expect(row === undefined ? "" : await world.service.keyring.open(row.text)).toMatch(
    /^Bonjour Owner \d+, votre Peugeot 208 n° \d+ nous intéresse\. Garage Martin$/,
  );
  expect(counts.mock.calls).toContainEqual(["outrider_hunts_fetched_total", {}, 3]);
  expect(times.mock.calls).toContainEqual(["outrider_hunts_fetch_seconds", {}, expect.any(Number)]);

  const second = await passOf(world, account);
  expect(second).toMatchObject({ pass: 2, allocated: 0, found: 700, reserved: 0 });
  expect(sumOf(second.skipped)).toBe(700);
  await world.listAds(account, [{ person: personOf(9000), sourceId: "new" }]);
  expect(await passOf(world, account)).toMatchObject({ pass: 3, allocated: 1, found: 703 });
});

test("a start while a pass is open answers that one: as many are opened as were answered", async () => {
  const account = newAccount("busy");
  await world.createAccount(account);
  await world.listAds(account, [{}]);
  await createHunt(world, account, "all");
  const starts = await Promise.all([1, 2, 3].map(() => world.service.ask(huntCommands.startPass, { account, by: "hand" })));
  const passes = new Set(starts.map(({ pass }) => pass));
  expect(Math.max(...passes)).toBeLessThanOrEqual(starts.length);
  for (const pass of passes) await closed(world, account, runOf(today), pass);
  const opened = (await world.eventsOf(account, runOf(today))).filter(({ type }) => type === "PassOpened");
  expect(opened).toHaveLength(passes.size);
});

test("nothing exceeds the day's limits, over all passes: account, line and credits", async () => {
  const account = newAccount("limited");
  await world.createAccount(account, { dailyLimit: 30 });
  await world.listAds(
    account,
    Array.from({ length: 60 }, () => ({})),
  );
  await createHunt(world, account, "one", { dailyLimit: 12 });
  await createHunt(world, account, "two");
  const { neighbours } = world;
  const before = neighbours.available;
  onTestFinished(() => {
    Object.assign(neighbours, { available: before, perDay: null });
  });
  neighbours.available = 20;
  expect(await passOf(world, account)).toMatchObject({
    allocated: 20,
    reserved: 20,
    skipped: { "no-credits": 80, "contacted-recently": 20 },
  });
  neighbours.available = 100;
  neighbours.perDay = 25; // of which the day's first pass has taken 20
  expect(await passOf(world, account)).toMatchObject({ allocated: 5, skipped: { "line-daily-limit": 35 } });
  neighbours.perDay = null;
  const last = await passOf(world, account);
  expect(last).toMatchObject({ allocated: 5, reserved: 5, skipped: { "account-daily-limit": 30 } });
  expect((await world.rowsOf(account, last.run)).filter(({ hunt }) => hunt === "one").length).toBeLessThanOrEqual(12);
  expect(await passOf(world, account)).toMatchObject({ allocated: 0, reserved: 0 });
});

test("what was asked for today without a pass is taken off the account's and its hunt's room, what was asked for yesterday is not", async () => {
  const account = newAccount("by-hand");
  await world.createAccount(account, { dailyLimit: 12 });
  await world.listAds(
    account,
    Array.from({ length: 20 }, () => ({})),
  );
  await createHunt(world, account, "small", { dailyLimit: 6 });
  await createHunt(world, account, "other");
  const request = async (id: string, at: string, hunt?: string) => {
    const contact = contactId.parse(id);
    const data: ContactRequest = {
      ...{ contact, person: personOf(5000), channel: "sms", line, step: 1, text: { k: "k", v: "v" }, purpose: "service" },
      ...{ legalBasis: "consent", noCanvassing: false, ownerType: "unknown", reservation: id, credits: 1 },
      ...(hunt === undefined ? {} : { hunt: huntId.parse(hunt) }),
    };
    const requested: ContactEvent = { type: "ContactRequested", data };
    await world.appendAt(at)(streams.sms.name, contactCodec, subjects.smsContact(account, contact), requested);
  };
  for (let index = 0; index < 4; index++) await request(`today-${index}`, "2026-11-24T23:00:01.000Z"); // a second past midnight in Paris
  for (let index = 0; index < 2; index++) await request(`hunt-${index}`, noon, "small");
  await request("yesterday", "2026-11-24T22:44:00.000Z");
  const dry = await world.service.ask(huntCommands.dryRun, { account, limit: 10 });
  const pass = await passOf(world, account);
  for (const answer of [dry, pass]) expect(answer).toMatchObject({ allocated: 6, skipped: { "account-daily-limit": expect.any(Number) } });
  const given = (hunt: string) => pass.hunts.find((each) => each.hunt === hunt)?.allocated ?? 0;
  expect(given("small")).toBeLessThanOrEqual(4);
  expect(given("small") + given("other")).toBe(6);
});

test("a pass that the ledger holds nothing for says by which rule", async () => {
  const account = newAccount("outdated");
  await world.createAccount(account);
  await world.listAds(account, [{}, {}]);
  await createHunt(world, account, "all");
  onTestFinished(() => {
    world.neighbours.refuses = undefined;
  });
  world.neighbours.refuses = "reservation-too-old";
  const skipped = { "reservation-too-old": 2 };
  expect(await passOf(world, account)).toMatchObject({ found: 2, allocated: 0, reserved: 0, skipped, hunts: [{ skipped }] });
});

test("a dry run gives the pass's own answer and writes nothing; why-not tells about one person", async () => {
  const account = newAccount("curious");
  await world.createAccount(account);
  const landline = { country: "FR", lineType: "landline" as const, zones: ["Europe/Paris"], fiction: true } satisfies NumberFacts;
  await world.listAds(account, [{}, { facts: landline }, { noCanvassing: true }, { person: personOf(0), sourceId: "again" }]);
  await createHunt(world, account, "all");
  const ask = { account, limit: 10 };
  const dry = await world.service.ask(huntCommands.dryRun, ask);
  const skipped = { "no-canvassing": 1, "not-mobile": 1, "already-contacted": 1 };
  expect(dry).toMatchObject({ found: 4, allocated: 1, skipped, credits: 1 });
  expect(dry.contacts).toMatchObject([{ hunt: "all", person: personOf(0), channel: "sms", credits: 1 }]);
  expect(dry.denials.map(({ rule }) => rule).toSorted()).toEqual(["no-canvassing", "not-mobile"]);
  expect(await world.service.ask(huntCommands.run, { account, run: runOf(today) })).toMatchObject({ exists: false });

  const pass = await passOf(world, account);
  expect(pass).toMatchObject({ found: 4, allocated: 1, skipped });
  const denials = () => world.eventsOf(account, pass.run).then((events) => events.filter(({ type }) => type === "DenialsRecorded"));
  expect(await denials()).toHaveLength(1);
  await passOf(world, account);
  expect(await denials()).toHaveLength(1);

  const why = (person: PersonId) => world.service.ask(huntCommands.whyNot, { account, person });
  expect(await why(personOf(1))).toMatchObject({
    hunts: [{ hunt: "all", verdict: "denied", rule: "not-mobile", lastDenial: { rule: "not-mobile" } }],
  });
  expect(await why(personOf(0))).toMatchObject({ hunts: [{ verdict: "denied", rule: "already-contacted" }] });
  expect(await why(personOf(99))).toMatchObject({ hunts: [{ verdict: "no-matching-ad" }] });
});

test("an error in one hunt is that hunt's own: the others go on", async () => {
  const account = newAccount("mixed");
  await world.createAccount(account);
  await world.listAds(account, [{}, {}]);
  await createHunt(world, account, "sound");
  await createHunt(world, account, "lost", { lines: { sms: "nowhere" }, priority: 9 });
  const pass = await passOf(world, account);
  expect(pass).toMatchObject({ found: 4, allocated: 2, skipped: { "hunt-error": 2 } });
  expect(pass.hunts.find(({ hunt }) => hunt === "lost")?.error).toBe("line nowhere is not connected");
});

test("what people have said is respected before anybody asks for a permit, and what was gated may be asked again", async () => {
  const account = newAccount("listening");
  await world.createAccount(account);
  await world.listAds(account, [{}, {}]);
  await createHunt(world, account, "all");
  const optedOut = { type: "OptedOut", data: { by: "api", at: noon } } as const;
  await world.append(streams.registry.name, personCodec, subjects.person(account, personOf(0)), optedOut);
  const first = await passOf(world, account);
  expect(first).toMatchObject({ allocated: 1, skipped: { "opted-out": 1 } });
  const [row] = await world.rowsOf(account, first.run);
  if (row === undefined) throw new Error("nobody was allocated");
  expect(await passOf(world, account)).toMatchObject({ allocated: 0, skipped: { "already-contacted": 1 } });
  const gated = { type: "ContactGated", data: { rule: "outside-hours", reservation: "pass-1", credits: 1 } } as const;
  await world.append(streams.sms.name, contactCodec, subjects.smsContact(account, row.contact), gated);
  expect(await passOf(world, account)).toMatchObject({ allocated: 1, skipped: { "opted-out": 1 } });
});

test("an import moves the last scan of the hunts that take from its sources", async () => {
  const account = newAccount("scanned");
  await world.createAccount(account);
  await createHunt(world, account, "files", { source: "file" });
  await createHunt(world, account, "lobstr", { source: "lobstr" });
  const counts = { read: 1, new: 1, changed: 0, duplicate: 0, bad: 0 };
  const finished: ImportEvent = { type: "ImportFinished", data: { counts, sources: ["file"] } };
  await world.append(streams.ads.name, importCodec, subjects.import(account, "i1"), finished);
  const stateOf = async (hunt: string) =>
    (await world.service.ask(huntCommands.state, { subject: subjects.hunt(account, hunt) })).state as { lastScanAt?: string };
  await expect.poll(async () => (await stateOf("files")).lastScanAt, { timeout: 10_000 }).toBeDefined();
  expect((await stateOf("lobstr")).lastScanAt).toBeUndefined();
});

test("says no in words: to a bad template, to a day without runs, to a paused account, to an unknown one", async () => {
  const account = newAccount("strict");
  await world.createAccount(account, { runWeekdays: [1, 2, 4, 5] });
  await expect(createHunt(world, account, "bad", { templates: { sms: "{{ ad.colour }}" } })).rejects.toMatchObject({
    slug: "invalid-request",
    message: expect.stringContaining('unknown variable "ad.colour"'),
  });
  const start = (by: "cron" | "hand", of = account) => world.service.ask(huntCommands.startPass, { account: of, by });
  await expect(start("cron")).rejects.toMatchObject({ rule: "not-a-run-day" });
  for (const date of ["2026-11-24", "2026-11-26"]) {
    const another = world.service.ask(huntCommands.startPass, { account, date, by: "hand" });
    await expect(another).rejects.toMatchObject({ slug: "refused", rule: "not-today", message: expect.stringContaining(today) });
  }
  expect(await start("hand")).toMatchObject({ pass: 1 });
  await expect(start("hand", newAccount("nobody"))).rejects.toMatchObject({ slug: "not-found" });
  const hunt = { account, hunt: huntId.parse("absent") };
  await expect(world.service.ask(huntCommands.activateHunt, hunt)).rejects.toMatchObject({ rule: "unknown-hunt" });
});

test("whoever saves a hunt is told what keeps it from writing to anybody", async () => {
  const account = newAccount("hindered");
  const secret = await world.service.keyring.seal("account.hindered", "secret");
  const policy = accountPolicy.parse({});
  const created: AccountEvent = {
    type: "AccountCreated",
    data: { account, name: "G", timeZone: "Europe/Paris", country: "FR", secret, policy },
  };
  await world.append(streams.registry.name, accountCodec, subjects.account(account), created);
  const saved = await createHunt(world, account, "hindered", { templates: { sms: "{{ ad.title }} ? STOP pour refuser" } });
  expect(saved.warnings).toEqual([
    expect.stringMatching(/^lines\.sms: the line phone-1 is not connected/),
    expect.stringMatching(/^legalBasis: offer-to-buy counts only once/),
  ]);
});

test("a hunt says what it offers: what France forbids reaches nobody, and the template is told what the law wants it to say", async () => {
  const account = newAccount("works");
  await world.createAccount(account);
  await world.listAds(account, [{}, {}]);
  const saved = await createHunt(world, account, "pumps", { sector: "energy-renovation" });
  expect(saved.warnings).toEqual([expect.stringMatching(/^templates\.sms: the text does not say STOP/)]);
  const polite = { templates: { sms: "Bonjour, {{ ad.title }} ? STOP pour refuser" }, sector: "energy-renovation" };
  expect((await createHunt(world, account, "polite", polite)).warnings).toBeUndefined();
  await expect(createHunt(world, account, "renamed", { ...polite, purpose: "service", legalBasis: "consent" })).rejects.toMatchObject({
    slug: "invalid-request",
    message: expect.stringContaining("purpose is service and sector is energy-renovation"),
  });
  const pass = await passOf(world, account);
  expect(pass).toMatchObject({ allocated: 0, skipped: { "energy-renovation-forbidden": 4 } });
});

test("an owner who comes again with another ad is skipped by a rule: in one pass, in the next one, and by another hunt", async () => {
  const account = newAccount("repeated");
  await world.createAccount(account);
  await createHunt(world, account, "all");
  // As the 10,001st row of a file without numbers: its owner is the first row's.
  await world.listAds(account, [
    { person: personOf(1), sourceId: "row-1" },
    { person: personOf(1), sourceId: "row-10001" },
  ]);
  expect(await passOf(world, account)).toMatchObject({ found: 2, allocated: 1, skipped: { "already-contacted": 1 } });
  await world.listAds(account, [{ person: personOf(1), sourceId: "row-20001" }]);
  await createHunt(world, account, "other");
  const { found, allocated, skipped } = await passOf(world, account);
  expect({ found, allocated, skipped }).toEqual({ found: 6, allocated: 0, skipped: { "already-contacted": 3, "contacted-recently": 3 } });
});

test("shows how long an SMS is when the hunt is saved, and a template on a real ad", async () => {
  const account = newAccount("wordy");
  await world.createAccount(account);
  expect(await createHunt(world, account, "all")).toMatchObject({ sms: { encoding: "GSM-7", segments: 1 } });
  const [ad] = await world.listAds(account, [{ title: "Clio à vendre" }]);
  if (ad === undefined) throw new Error("no ad");
  const ask = () => world.service.ask(huntCommands.previewTemplate, { account, template, channel: "sms", ad: ad.ad });
  const text = "Bonjour Owner 0, votre Clio à vendre nous intéresse. Garage Martin";
  await expect.poll(() => ask().catch(String), { timeout: 10_000 }).toMatchObject({ text, sms: { encoding: "GSM-7", segments: 1 } });
});
