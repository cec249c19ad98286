import { afterAll, expect, test } from "vitest";
import { aggregate } from "./aggregate.ts";
import { deadLetters } from "./dead.ts";
import { type Digested, done, impossible, react, waitFor } from "./react.ts";
import { ensureStream } from "./streams.ts";
import { accountOf, filledIn, reactionBench } from "./testing-reactions.ts";
import { at, codecOfRelease, tally } from "./testing-tally.ts";
import { declared, replica, until } from "./testing-world.ts";

const { all, one, two, end, fresh, fill, pendingOf } = await reactionBench();
afterAll(end);

test("rule: an effect follows only `appended` by this execution, so two replicas with one cause send once", async () => {
  const { stream, options } = await fresh();
  const target = `${stream}SENT`;
  await ensureStream(one.kernel.jsm, declared(target));
  const sent: string[] = [];
  let handled = 0;
  // Two durables, so that both replicas get every message at the same moment, as after an ack wait that ran out.
  const reactions = [one, two].map((here, index) => {
    const contacts = aggregate(here.store(target), tally, { creates: true });
    return react(here.kernel, { ...options, durable: `${options.durable}-${index}` }, async (message) => {
      const contact = `${target.toLowerCase()}.${message.revision}`;
      const asked = { commandId: `${message.stream}:${message.revision}:send`, at };
      const started = await contacts.execute(contact, { type: "Add", key: "attempt", n: 1 }, asked);
      if (started.kind === "appended") sent.push(contact);
      handled++;
      return done;
    });
  });
  await fill(stream, 200);
  await until("both have handled all", () => handled >= 400);
  expect(sent).toHaveLength(200);
  expect(new Set(sent).size).toBe(200);
  await Promise.all(reactions.map((each) => each.stop()));
});

test("rule: nobody says `done` but the handler, so a replica that dies holding a window loses nothing", async () => {
  const { stream, options } = await fresh({ ackWaitMs: 1000 });
  await fill(stream, 300);
  const handled = new Set<number>();
  const dying = await replica(all.server.url);
  const held = new Set<number>();
  react(dying.kernel, options, (message) => {
    held.add(message.revision);
    return new Promise<Digested>(() => undefined);
  });
  await until("it holds a window", () => held.size >= 64);
  await dying.kernel.nats.close(); // without a word, as a kill would
  const reaction = react(one.kernel, options, async (message) => {
    handled.add(message.revision);
    return done;
  });
  await until("the other has handled all", () => handled.size === 300);
  await reaction.stop();
  await dying.stop();
});

test("rule: a message that waits gives up its place, so one sick account does not starve others", async () => {
  const { stream, options } = await fresh({ maxAckPending: 400, concurrency: 16 });
  await fill(stream, 180, "sick");
  await fill(stream, 20, "well");
  let well = 0;
  const began = performance.now();
  const reaction = react(one.kernel, options, async (message) => {
    if (accountOf(message.subject) === "sick") return waitFor(60_000);
    well++;
    return done;
  });
  await until("the others are served", () => well === 20, 4000);
  expect(performance.now() - began).toBeLessThan(4000); // less than one wait of the sick
  await until(
    "only the sick are in hand",
    async () => (await one.kernel.jsm.consumers.info(stream, options.durable)).num_ack_pending <= 180,
  );
  const stopping = performance.now();
  await reaction.stop();
  expect(performance.now() - stopping).toBeLessThan(2000);
});

test("rule: a newer release's message waits and is told, then is handled once by a replica that can read it", async () => {
  const { stream, options } = await fresh();
  await fill(stream, 1, "new", 2);
  await fill(stream, 5, "old", 1);
  const handled: string[] = [];
  const old = react(one.kernel, options, async (message) => {
    handled.push(accountOf(message.subject));
    return done;
  });
  await until("the old ones are handled", () => handled.length === 5);
  await until("it says why it is not ready", () => one.notReady.get(options.durable)?.includes("newer release") === true);
  expect((await deadLetters(one.kernel).list(500)).letters.filter((letter) => letter.stream === stream)).toEqual([]);
  const young = react(two.kernel, { ...options, codec: codecOfRelease(2) }, async (message) => {
    handled.push(accountOf(message.subject));
    return done;
  });
  await until("the newer one is handled", async () => (await pendingOf(stream, options.durable)) === 0, 30_000);
  expect(handled.filter((account) => account === "new")).toHaveLength(1);
  await Promise.all([old.stop(), young.stop()]);
});

test("rule: poison parks in DEAD, can be shown, retried and dropped, and holds up nobody", async () => {
  const { stream, options } = await fresh();
  await one.kernel.js.publish(`${stream.toLowerCase()}.x.0`, "not json");
  await fill(stream, 3);
  const dead = deadLetters(one.kernel);
  const mine = async () => (await dead.list(500)).letters.filter((letter) => letter.stream === stream);
  let mended = false;
  const handled: number[] = [];
  const reaction = react(one.kernel, options, async (message) => {
    if (message.revision === 2 && !mended) return impossible("no rule for this");
    handled.push(message.revision);
    return done;
  });
  await until("both are parked and the rest is handled", async () => (await mine()).length === 2 && handled.length === 2);
  const [unreadable, refused] = (await mine()).toSorted((a, b) => a.seq - b.seq);
  expect(unreadable).toMatchObject({ consumer: options.durable, seq: 1, reason: expect.stringContaining("cannot be read") });
  expect(refused).toMatchObject({ seq: 2, reason: "no rule for this", subject: expect.stringContaining(".a.") });
  const told = one.logged.find(({ message, fields }) => message.includes("dead letter") && fields["seq"] === 2);
  expect(told?.fields).toMatchObject({ reason: "no rule for this", trace_id: filledIn.slice(3, 35) });
  expect(await reaction.retry(1)).toMatchObject({ kind: "impossible" });
  expect(await reaction.retry(2)).toMatchObject({ kind: "impossible" });
  mended = true;
  expect(await reaction.retry(2)).toEqual(done);
  expect(await dead.show(refused?.id ?? 0)).toMatchObject({ seq: 2 });
  expect(await dead.drop(refused?.id ?? 0)).toBe(true);
  expect(await dead.drop(refused?.id ?? 0)).toBe(false);
  expect(await mine()).toHaveLength(1);
  expect(await reaction.retry(99_999)).toMatchObject({ kind: "impossible" });
  await reaction.stop();
});

test("failures are counted, not deliveries: a message that waited often is not buried at its first failure", async () => {
  const { stream, options } = await fresh();
  await fill(stream, 1);
  let tries = 0;
  const reaction = react(one.kernel, options, async () => {
    tries++;
    if (tries <= 12) return waitFor(1);
    if (tries === 13) throw new Error("once");
    return done;
  });
  await until("it is handled", async () => tries === 14 && (await pendingOf(stream, options.durable)) === 0);
  expect((await deadLetters(one.kernel).list(500)).letters.filter((letter) => letter.stream === stream)).toEqual([]);
  await reaction.stop();
});

test("a message that keeps failing becomes a dead letter, with what failed and not with what it said, and is not handled again", async () => {
  const { stream, options } = await fresh({ mostFailures: 3 });
  await fill(stream, 3);
  const handled: number[] = [];
  const reaction = react(one.kernel, options, async ({ revision }) => {
    handled.push(revision);
    if (revision === 2) throw new TypeError("+33639980001 is no number");
    return done;
  });
  const mine = async () => (await deadLetters(one.kernel).list(500)).letters.filter((letter) => letter.stream === stream);
  await until("it is parked", async () => (await mine()).length === 1 && (await pendingOf(stream, options.durable)) === 0);
  expect(handled.toSorted()).toEqual([1, 2, 2, 2, 3]);
  expect(await mine()).toMatchObject([{ seq: 2, deliveries: 3, reason: "the handler failed 3 times (TypeError)" }]);
  await reaction.stop();
});

test("a handler longer than the ack wait keeps its message", async () => {
  const { stream, options } = await fresh({ ackWaitMs: 600 });
  await fill(stream, 1);
  let times = 0;
  const work = async () => {
    times++;
    await new Promise((finished) => setTimeout(finished, 2000));
    return done;
  };
  const reactions = [react(one.kernel, options, work), react(two.kernel, options, work)];
  await until("it is done", async () => times > 0 && (await pendingOf(stream, options.durable)) === 0);
  expect(times).toBe(1);
  await Promise.all(reactions.map((each) => each.stop()));
});

test("every replica says how far its durable is behind, and says 0 when another one has handled the rest", async () => {
  const { stream, options } = await fresh({ ackWaitMs: 600, concurrency: 8 });
  await fill(stream, 300);
  let goOn: () => void = () => undefined;
  const gate = new Promise<void>((open) => {
    goOn = open;
  });
  const reactions = [one, two].map(({ kernel }) =>
    react(kernel, options, async () => {
      await gate;
      return done;
    }),
  );
  const lags = (): readonly number[] => [one, two].map((each) => each.lags.get(options.durable) ?? -1);
  await until("both know that much is to be done", () => Math.min(...lags()) > 200);
  expect(Math.max(...lags())).toBeLessThanOrEqual(300);
  goOn();
  await until("both know that nothing is left", () => Math.max(...lags()) === 0);
  expect(await pendingOf(stream, options.durable)).toBe(0);
  await Promise.all(reactions.map((each) => each.stop()));
});
