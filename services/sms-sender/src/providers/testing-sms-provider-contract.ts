import { Personal } from "@outrider/platform";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ProviderAccess, SendOutcome, SmsProvider } from "./sms-provider.ts";

/** How the vendor treats the next messages. `-after`: it has taken the message, and the caller cannot know it. */
export type Treatment =
  | "accepts"
  | "refuses"
  | "finds-invalid"
  | "refuses-key"
  | "limits-rate"
  | "fails-before"
  | "fails-after"
  | "cuts-before"
  | "cuts-after"
  | "hangs-after"
  | "answers-nonsense-after";

/** One vendor's adapter, and a stand-in of the vendor that does as it is told. */
export interface ProviderWorld extends AsyncDisposable {
  readonly provider: SmsProvider;
  readonly access: ProviderAccess;
  /** The same adapter at an address where nobody listens. */
  readonly unreachable: SmsProvider;
  readonly treat: (how: Treatment) => Promise<void>;
  /** Sends that reached the vendor for this number, by its own word; and those of them that it took. */
  readonly reached: (to: string) => Promise<{ readonly calls: number; readonly taken: number; readonly ids: readonly string[] }>;
  /** What the vendor asks to wait when it limits the rate, ms. */
  readonly retryAfterMs: number;
  readonly goesOffline: (offline: boolean) => Promise<void>;
  readonly cannotBeRead: (broken: boolean) => Promise<void>;
  readonly writes: (from: string, text: string) => Promise<void>;
}

const always = () => true;
const soon = (ms = 10_000) => AbortSignal.timeout(ms);

/** What every adapter of the port keeps, whatever its vendor. */
export const smsProviderContract = (vendor: string, open: () => Promise<ProviderWorld>): void => {
  let world: ProviderWorld;
  let last = 0;
  const newNumber = () => `+3363998${String(++last).padStart(4, "0")}`;
  beforeAll(async () => {
    world = await open();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const sent = async (to: string, text = "Bonjour", guard: Partial<{ until: AbortSignal; beforeWriting: () => boolean }> = {}) =>
    world.provider.send(
      world.access,
      { to: new Personal(to), text: new Personal(text) },
      { until: soon(), beforeWriting: always, ...guard },
    );
  const treated = async (how: Treatment): Promise<{ outcome: SendOutcome; calls: number; taken: number; ids: readonly string[] }> => {
    const to = newNumber();
    await world.treat(how);
    const outcome = await sent(to, "Bonjour", how === "hangs-after" ? { until: soon(400) } : {});
    await world.treat("accepts");
    return { outcome, ...(await world.reached(to)) };
  };

  describe(`${vendor}: a message`, () => {
    test("that is taken is accepted with the vendor's id, whatever is written in it", async () => {
      const to = newNumber();
      const outcome = await sent(to, "Bonjour & merci + 100 % d'accord — où ? 🚗");
      const { calls, taken, ids } = await world.reached(to);
      expect([calls, taken]).toEqual([1, 1]);
      expect(outcome).toEqual({ kind: "accepted", providerId: ids[0] });
    });
    test("that the vendor refuses is rejected for good, and the line is not blamed", async () => {
      for (const how of ["refuses", "finds-invalid"] as const) {
        const { outcome, taken } = await treated(how);
        expect(outcome).toMatchObject({ kind: "rejected" });
        expect(outcome).not.toHaveProperty("line");
        expect(taken).toBe(0);
      }
    });
    test("with a key that is refused was certainly not sent, and the whole line is to blame", async () => {
      const { outcome, taken } = await treated("refuses-key");
      expect(outcome).toMatchObject({ kind: "not-sent", line: "key-refused" });
      expect(taken).toBe(0);
    });
    test("that comes too fast is refused for now, for as long as the vendor says", async () => {
      const { outcome, taken } = await treated("limits-rate");
      expect(outcome).toMatchObject({ kind: "refused-for-now", waitMs: world.retryAfterMs });
      expect(taken).toBe(0);
    });
    test.each([
      ["fails-before", 0],
      ["fails-after", 1],
      ["cuts-before", 0],
      ["cuts-after", 1],
      ["answers-nonsense-after", 1],
    ] as const)("whose exchange %s the vendor took it is unknown: the caller cannot tell, and it is tried once", async (how, takes) => {
      const { outcome, calls, taken } = await treated(how);
      expect(outcome).toMatchObject({ kind: "unknown" });
      expect([calls, taken]).toEqual([1, takes]);
    });
    test("that gets no answer is unknown when its time is over, not later", async () => {
      const began = performance.now();
      const { outcome, calls } = await treated("hangs-after");
      expect(outcome).toMatchObject({ kind: "unknown" });
      expect(calls).toBe(1);
      expect(performance.now() - began).toBeGreaterThan(390);
      expect(performance.now() - began).toBeLessThan(5000);
    });
    test("that nobody was there to take was not sent", async () => {
      const message = { to: new Personal(newNumber()), text: new Personal("Bonjour") };
      const outcome = await world.unreachable.send(world.access, message, { until: soon(), beforeWriting: always });
      expect(outcome).toMatchObject({ kind: "not-sent" });
    });
    test("that may not leave any more does not, however late that is known", async () => {
      const to = newNumber();
      let asked = 0;
      const no = () => {
        asked += 1;
        return false;
      };
      expect(await sent(to, "Bonjour", { beforeWriting: no })).toMatchObject({ kind: "not-sent" });
      expect(asked).toBe(1);
      expect(await sent(to, "Bonjour", { until: AbortSignal.abort() })).toMatchObject({ kind: "not-sent" });
      const over = new AbortController();
      const ends = () => {
        over.abort();
        return true;
      };
      const outcome = await sent(to, "Bonjour", { until: over.signal, beforeWriting: ends });
      expect(["not-sent", "unknown"]).toContain(outcome.kind);
      if (outcome.kind === "not-sent") expect(await world.reached(to)).toMatchObject({ calls: 0 });
    });
    test("is one of many at once, each with its own answer", async () => {
      const numbers = Array.from({ length: 100 }, newNumber);
      const outcomes = await Promise.all(numbers.map((to) => sent(to, `Bonjour ${to}`)));
      const ids = await Promise.all(numbers.map(async (to) => (await world.reached(to)).ids));
      expect(outcomes).toEqual(ids.map(([id]) => ({ kind: "accepted", providerId: id })));
    });
  });

  describe(`${vendor}: asked afterwards`, () => {
    const find = (to: string, text: string, since = new Date(Date.now() - 60_000).toISOString()) =>
      world.provider.findSent(world.access, { to: new Personal(to), text: new Personal(text), since });

    test("the sent log shows what was taken although no answer came, and nothing else", async () => {
      const [to, other] = [newNumber(), newNumber()];
      await world.treat("cuts-after");
      await sent(to, "Où êtes-vous ?");
      await world.treat("cuts-before");
      await sent(other, "Où êtes-vous ?");
      await world.treat("accepts");
      const { ids } = await world.reached(to);
      await expect.poll(() => find(to, "Où êtes-vous ?")).toMatchObject([{ providerId: ids[0], text: "Où êtes-vous ?" }]);
      expect(await find(other, "Où êtes-vous ?")).toEqual([]);
      expect(await find(to, "Another text")).toEqual([]);
      expect(await find(to, "Où êtes-vous ?", new Date(Date.now() + 60_000).toISOString())).toEqual([]);
    });
    test("a log that cannot be read is told apart from an empty one", async () => {
      await world.cannotBeRead(true);
      expect(await find(newNumber(), "Bonjour")).toBeUndefined();
      expect(await world.provider.inboundSince(world.access, new Date().toISOString())).toBeUndefined();
      expect(await world.provider.phoneOnline(world.access)).toBeUndefined();
      expect(await world.provider.statusOf(world.access, "any")).toBeUndefined();
      await world.cannotBeRead(false);
      expect(await find(newNumber(), "Bonjour")).toEqual([]);
    });
    test("a message is pending until the phone has sent it, and one that the vendor does not know stays so", async () => {
      const statusOf = async (id: string) => (await world.provider.statusOf(world.access, id))?.kind;
      const outcome = await sent(newNumber());
      if (outcome.kind !== "accepted") throw new Error("it was taken");
      await expect.poll(() => statusOf(outcome.providerId)).toBe("sent");
      await world.goesOffline(true);
      const waiting = await sent(newNumber());
      if (waiting.kind !== "accepted") throw new Error("it was taken");
      await world.goesOffline(false);
      expect([await statusOf(waiting.providerId), await statusOf("f".repeat(40))]).toEqual(["pending", "pending"]);
    });
    test("what people wrote is read since a moment, each with a key of its own", async () => {
      const [from, before] = [newNumber(), new Date(Date.now() - 5000).toISOString()];
      await sent(from);
      await world.writes(from, "Oui, toujours disponible");
      await world.writes(from, "STOP");
      const read = async () => (await world.provider.inboundSince(world.access, before))?.filter((each) => each.from.reveal() === from);
      await expect.poll(async () => (await read())?.length).toBe(2);
      const messages = (await read()) ?? [];
      expect(messages.map(({ text }) => text.reveal()).toSorted()).toEqual(["Oui, toujours disponible", "STOP"]);
      expect(new Set(messages.map(({ key }) => key)).size).toBe(2);
      for (const { at } of messages) expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000);
      expect(await world.provider.inboundSince(world.access, new Date(Date.now() + 60_000).toISOString())).toEqual([]);
    });
    test("the phone is there, or is not", async () => {
      expect(await world.provider.phoneOnline(world.access)).toBe(true);
      await world.goesOffline(true);
      expect(await world.provider.phoneOnline(world.access)).toBe(false);
      await world.goesOffline(false);
      expect(await world.provider.phoneOnline({ apiKey: "bad-key" })).toBe("key-refused");
    });
  });
};
