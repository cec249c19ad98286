import type { AccountId } from "@outrider/contracts/ids";
import { hashId } from "@outrider/contracts/ids";
import { refCodec, smsCommands } from "@outrider/contracts/sms";
import { streams, subjects } from "@outrider/contracts/streams";
import { Unavailable } from "@outrider/eventing";
import { noFaults } from "@outrider/simulators";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { takeTurn } from "./attempt.ts";
import { type Sms, scheduleKey } from "./context.ts";
import type { SendOutcome } from "./providers/sms-provider.ts";
import { lookAfter, reconcile } from "./reconcile.ts";
import { scheduleWanted } from "./tail.ts";
import { type Opened, openWorld, type Someone, type World, within } from "./testing-world.ts";

let world: World;
let first: Opened;
/** Outcomes that some contact's next sends come to instead of asking the provider, by number. */
const instead = new Map<string, SendOutcome[]>();
beforeAll(async () => {
  world = await openWorld({ ATTEMPT_TIMEOUT_MS: "1000", ATTEMPTS_AT_MOST: "2" });
  const open = (replica: string) =>
    world.open(replica, {}, (real) => ({
      ...real,
      send: async (access, message, guard) => instead.get(message.to.reveal())?.shift() ?? real.send(access, message, guard),
    }));
  [first] = await Promise.all([open("first"), open("second")]);
});
afterEach(async () => void (await world.simulator.setFaults(noFaults)));
afterAll(() => world[Symbol.asyncDispose]());

const why = { actor: "test" };
const oneOf = async (account: AccountId, more = {}): Promise<Someone> => {
  const [one] = await world.people(account, 1, more);
  if (one === undefined) throw new Error("one was made");
  return one;
};
const becomes = (account: AccountId, { contact }: Someone, status: string) =>
  expect.poll(() => world.statusOf(account, contact), within).toBe(status);
const refOf = (account: AccountId, providerId: string) =>
  world.eventsOf(streams.sms.name, refCodec, subjects.smsRef(account, hashId("ref", providerId)));
/** Whether a question to the provider's sent log is to come. */
const asksTheLog = (account: AccountId, { contact }: Someone) => first.sms.schedules.isOpen("reconcile", scheduleKey(account, contact));
const resolve = (account: AccountId, { contact }: Someone, as: "sent" | "not-sent" | "send-again") =>
  world.service.ask(smsCommands.resolve, { account, contact, as, by: "ada" });

/** A contact whose attempt some replica has begun, and then died. */
const leftAttempting = async (account: AccountId, one: Someone, until: string): Promise<void> => {
  const { contact, request } = one;
  const subject = subjects.smsContact(account, contact);
  await first.sms.contacts.execute(subject, { type: "Request", request }, { commandId: `r-${contact}`, at: "" });
  await first.sms.contacts.execute(
    subject,
    { type: "Start", attempt: 1, until, now: first.service.clock.now() },
    { commandId: "s", at: "" },
  );
};
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
const sendOurselves = async (account: AccountId, { number, request }: Someone): Promise<string> => {
  const message = await world.service.keyring.open(request.text);
  const body = new URLSearchParams({ apikey: `key-${account}`, recipients: number, message });
  const answer = await fetch(`${world.simulator.url}/sendsms/`, { method: "POST", body });
  const { result }: { result: { id: string } } = JSON.parse(await answer.text());
  return result.id;
};

describe("an attempt whose answer was lost", () => {
  test("is unknown, is not sent again, and is accepted when the sent log shows it", async () => {
    const account = await world.account("lost");
    const one = await oneOf(account);
    await world.simulator.setFaults({ cutAfter: 1 });
    await world.request(account, one);
    await becomes(account, one, "unknown");
    await world.simulator.setFaults(noFaults);
    await expect.poll(() => asksTheLog(account, one), within).toBe(true);
    await world.request(account, one);
    expect(await reconcile(first.sms)(account, one.contact, why, { round: 0 })).toEqual({ kind: "done" });
    expect(await world.statusOf(account, one.contact)).toBe("accepted");
    const [row, ...more] = await world.sends([one]);
    expect(more).toEqual([]);
    expect(await refOf(account, row?.id ?? "")).toMatchObject([{ data: { contact: one.contact, attempt: 1 } }]);
  });
  test("of a replica that died is looked after and reconciled by another one", async () => {
    const account = await world.account("died");
    const [taken, never] = [await oneOf(account), await oneOf(account)];
    const id = await sendOurselves(account, taken);
    for (const one of [taken, never]) {
      await leftAttempting(account, one, minutesAgo(1.01));
      await takeTurn(first.sms, account, one.contact, why); // the redelivered turn finds an attempt open
    }
    await becomes(account, taken, "accepted");
    expect(await world.typesOf(account, taken)).toEqual(["ContactRequested", "AttemptStarted", "AttemptUnknown", "ContactAccepted"]);
    await expect.poll(() => refOf(account, id), within).toHaveLength(1);
    await becomes(account, never, "unknown");
    await expect.poll(() => asksTheLog(account, never), within).toBe(true);
    expect(await world.sends([taken, never])).toHaveLength(1);
  });
  test("is called unknown by nobody else before a minute past its end, however early the look comes", async () => {
    const account = await world.account("early");
    const one = await oneOf(account);
    await leftAttempting(account, one, minutesAgo(0.9));
    expect(await lookAfter(first.sms)(account, one.contact, why, { round: 0 })).toEqual({ kind: "wait", ms: 5000 });
    expect(await world.statusOf(account, one.contact)).toBe("attempting");
  });
  test("gets what was left out when whoever looked or reconciled was killed right after", async () => {
    const account = await world.account("halfway");
    const [looked, adopted] = [await oneOf(account), await oneOf(account)];
    for (const one of [looked, adopted]) {
      await leftAttempting(account, one, minutesAgo(2));
      const noAnswer = { type: "NoAnswer", attempt: 1, cause: "x", by: "anybody", now: new Date().toISOString() } as const;
      await first.sms.contacts.execute(subjects.smsContact(account, one.contact), noAnswer, { commandId: "n", at: "" });
    }
    const id = await sendOurselves(account, looked);
    await lookAfter(first.sms)(account, looked.contact, why, { round: 0 });
    await becomes(account, looked, "accepted");
    await expect.poll(() => refOf(account, id), within).toHaveLength(1);
    const accept = { type: "Accept", attempt: 1, providerId: "adopted-1", by: "reconciliation" } as const;
    await first.sms.contacts.execute(subjects.smsContact(account, adopted.contact), accept, { commandId: "a", at: "" });
    await reconcile(first.sms)(account, adopted.contact, why, { round: 0 });
    expect(await refOf(account, "adopted-1")).toMatchObject([{ data: { contact: adopted.contact } }]);
  });
  test("is not taken for sent because the same words went to the same number for another contact", async () => {
    const account = await world.account("twins");
    const sent = await oneOf(account);
    const twin = { ...sent, contact: `${sent.contact}-2` as never };
    await world.request(account, sent);
    await becomes(account, sent, "accepted");
    await leftAttempting(account, { ...twin, request: { ...sent.request, contact: twin.contact } }, minutesAgo(1.01));
    await takeTurn(first.sms, account, twin.contact, why);
    await becomes(account, twin, "unknown");
    await reconcile(first.sms)(account, twin.contact, why, { round: 0 });
    expect(await world.statusOf(account, twin.contact)).toBe("unknown");
  });
  test("of one account whose provider cannot be asked holds up nobody else's", async () => {
    const account = await world.account("mute");
    const people = await world.people(account, 12);
    await world.simulator.setFaults({ readError: 1 });
    for (const one of people) {
      await leftAttempting(account, one, minutesAgo(1.01));
      await takeTurn(first.sms, account, one.contact, why);
    }
    for (const one of people) await becomes(account, one, "unknown");
    for (const one of people) {
      const answered = await reconcile(first.sms)(account, one.contact, why, { round: 0 });
      expect(answered).toEqual({ kind: "done" });
    }
    await world.simulator.setFaults(noFaults);
    const other = await world.account("heard");
    const one = await oneOf(other);
    await sendOurselves(other, one);
    await leftAttempting(other, one, minutesAgo(1.01));
    await takeTurn(first.sms, other, one.contact, why);
    await becomes(other, one, "accepted");
    expect(first.service.health.reasons()).toEqual([]);
  });
});

describe("a person resolves an unknown contact", () => {
  const unknown = async (account: AccountId): Promise<Someone> => {
    const one = await oneOf(account);
    await leftAttempting(account, one, minutesAgo(2));
    await takeTurn(first.sms, account, one.contact, why);
    await becomes(account, one, "unknown");
    return one;
  };
  test("as sent or not sent, once; what was resolved otherwise stays", async () => {
    const account = await world.account("resolved");
    const [sent, not] = [await unknown(account), await unknown(account)];
    await resolve(account, sent, "sent");
    await resolve(account, not, "not-sent");
    expect(await world.statusOf(account, sent.contact)).toBe("accepted");
    expect(await world.statusOf(account, not.contact)).toBe("rejected");
    await expect(resolve(account, sent, "not-sent")).rejects.toMatchObject({ slug: "refused" });
    expect((await world.contactEvents(account, not.contact)).at(-1)).toMatchObject({ data: { by: "person", credits: 1 } });
  });
  test("by sending again on the same hold, and out of rejected on a new one", async () => {
    const account = await world.account("again");
    const one = await unknown(account);
    await resolve(account, one, "send-again");
    await becomes(account, one, "accepted");
    expect(await world.sends([one])).toHaveLength(1);
    expect(world.neighbours.reserved).toEqual([]);
    const other = await unknown(account);
    await resolve(account, other, "not-sent");
    await resolve(account, other, "send-again");
    await becomes(account, other, "accepted");
    expect(world.neighbours.reserved).toHaveLength(1);
    expect((await world.contactEvents(account, other.contact)).at(-1)).toMatchObject({
      data: { reservation: world.neighbours.reserved[0] },
    });
  });
  test("but not while the attempt is under way", async () => {
    const account = await world.account("underway");
    const one = await oneOf(account);
    await leftAttempting(account, one, minutesAgo(0.1));
    await expect(resolve(account, one, "sent")).rejects.toMatchObject({ rule: "attempt-open" });
    await expect(resolve(account, one, "not-sent")).rejects.toMatchObject({ rule: "attempt-open" });
    await expect(resolve(account, one, "send-again")).rejects.toMatchObject({ rule: "cannot-resend" });
  });
});

describe("an attempt that", () => {
  test("the provider refuses for now comes again, and is rejected after the last one", async () => {
    const account = await world.account("limited");
    const [later, never] = [await oneOf(account), await oneOf(account)];
    const refused: SendOutcome = { kind: "refused-for-now", reason: "429", waitMs: 100 };
    instead.set(later.number, [refused]);
    instead.set(never.number, [refused, refused]);
    await Promise.all([later, never].map((one) => world.request(account, one)));
    await becomes(account, later, "accepted");
    await becomes(account, never, "rejected");
    expect(await world.typesOf(account, later)).toEqual([
      ...["ContactRequested", "AttemptStarted", "AttemptRefusedForNow", "AttemptStarted", "ContactAccepted"],
    ]);
  });
  test("never left comes again a little later, and at last ends the contact", async () => {
    const account = await world.account("unreachable");
    const [later, never] = [await oneOf(account), await oneOf(account)];
    const notSent: SendOutcome = { kind: "not-sent", cause: "ECONNREFUSED" };
    instead.set(later.number, [notSent, notSent]);
    instead.set(never.number, [notSent]);
    const subject = subjects.smsContact(account, never.contact);
    await first.sms.contacts.execute(subject, { type: "Request", request: never.request }, { commandId: "r", at: "" });
    for (let attempt = 1; attempt < 12; attempt++) {
      const start = { type: "Start", attempt, until: minutesAgo(0), now: first.service.clock.now() } as const;
      await first.sms.contacts.execute(subject, start, { commandId: `s${attempt}`, at: "" });
      await first.sms.contacts.execute(subject, { type: "Abandon", attempt, because: "x" }, { commandId: `a${attempt}`, at: "" });
    }
    await scheduleWanted(first.sms, account, never.contact, first.service.clock.now(), why);
    await world.request(account, later);
    await becomes(account, never, "gated: provider-unreachable");
    await becomes(account, later, "accepted");
    expect(await world.sends([later, never])).toHaveLength(1);
  });
  test("was refused with the key sent nothing: its line pauses, the contact ends gated, and a later asking sends it", async () => {
    const account = await world.account("keyless");
    const one = await oneOf(account);
    await world.simulator.setFaults({ forbidden: 1 });
    await world.request(account, one);
    await becomes(account, one, "gated: line-paused");
    expect(await world.typesOf(account, one)).toEqual(["ContactRequested", "AttemptStarted", "AttemptAbandoned", "ContactGated"]);
    expect((await world.contactEvents(account, one.contact)).at(-1)).toMatchObject({
      data: { reservation: one.request.reservation, credits: 1, remedy: expect.stringContaining("key-refused") },
    });
    await expect
      .poll(async () => (await world.service.ask(smsCommands.line, { account, line: one.request.line })).paused, within)
      .toBe(true);
    await world.simulator.setFaults(noFaults);
    await world.service.ask(smsCommands.resumeLine, { account, line: one.request.line, by: "ada" });
    await world.request(account, { ...one, request: { ...one.request, reservation: "later" } });
    await becomes(account, one, "accepted");
  });
});

describe("when JetStream stops answering", () => {
  /** The same service to whose contacts something happens at some commands. */
  const disturbed = (at: string, times: number, how: "before" | "after"): Sms => {
    let left = times;
    const { contacts } = first.sms;
    const execute: Sms["contacts"]["execute"] = async (subject, command, asked) => {
      if (command.type !== at || left-- <= 0) return contacts.execute(subject, command, asked);
      if (how === "after") await contacts.execute(subject, command, asked);
      throw new Unavailable("JetStream did not answer");
    };
    return { ...first.sms, contacts: { ...contacts, execute } };
  };
  const asked = async (account: AccountId): Promise<Someone> => {
    const one = await oneOf(account);
    await first.sms.contacts.execute(
      subjects.smsContact(account, one.contact),
      { type: "Request", request: one.request },
      { commandId: "r", at: "" },
    );
    return one;
  };
  test("at a start that was stored all the same, nothing was called: the attempt is given up, and another one sends it once", async () => {
    const account = await world.account("half-started");
    const one = await asked(account);
    await takeTurn(disturbed("Start", 1, "after"), account, one.contact, why);
    expect(await world.typesOf(account, one)).toEqual(["ContactRequested", "AttemptStarted", "AttemptAbandoned"]);
    await becomes(account, one, "accepted");
    expect(await world.sends([one])).toHaveLength(1);
  });
  test("at an outcome, it is written as soon as that is possible", async () => {
    const account = await world.account("half-ended");
    const [before, after] = [await asked(account), await asked(account)];
    await takeTurn(disturbed("Accept", 3, "before"), account, before.contact, why);
    await takeTurn(disturbed("Accept", 1, "after"), account, after.contact, why);
    for (const one of [before, after]) {
      expect(await world.typesOf(account, one)).toEqual(["ContactRequested", "AttemptStarted", "ContactAccepted"]);
      expect(await world.sends([one])).toHaveLength(1);
    }
  });
});
