import { afterAll, expect, test } from "vitest";
import { Unavailable } from "./errors.ts";
import { done, react, waitFor } from "./react.ts";
import { ensureStream } from "./streams.ts";
import { accountOf, reactionBench } from "./testing-reactions.ts";
import { codecOfRelease, type TallyEvent } from "./testing-tally.ts";
import { declared, replica, unreliable, until } from "./testing-world.ts";

const { all, one, two, end, fresh, fill, givenOut, pendingOf } = await reactionBench();
afterAll(end);

test("rule: when what it needs cannot be reached it stops pulling and hands nothing back", async () => {
  const { stream, options } = await fresh({ concurrency: 4, ackWaitMs: 1000 });
  await fill(stream, 200);
  let [reachable, tries] = [false, 0];
  const handled: number[] = [];
  const deliveries: number[] = [];
  const reaction = react(one.kernel, options, async (message) => {
    tries++;
    if (!reachable) throw new Unavailable("the registry does not answer");
    handled.push(message.revision);
    deliveries.push(message.deliveries);
    return done;
  });
  await until("it is not ready", () => one.notReady.get(options.durable) === "the registry does not answer");
  await until("it has tried a while", () => tries > 20);
  // What was prefetched goes back to the server after its ack wait; only what is in hand is held.
  await until("it holds only what is in hand", async () => {
    const { num_ack_pending, num_redelivered, num_waiting } = await one.kernel.jsm.consumers.info(stream, options.durable);
    return num_ack_pending <= 12 && num_redelivered === 0 && num_waiting === 0;
  });
  reachable = true;
  await until("all is handled", () => new Set(handled).size === 200, 30_000);
  expect(handled).toHaveLength(200);
  expect(one.notReady.has(options.durable)).toBe(false);
  await reaction.stop();
});

test("one message that cannot reach what it needs does not stop the others", async () => {
  const { stream, options } = await fresh({ concurrency: 16 });
  await fill(stream, 1, "sick");
  await fill(stream, 500, "well");
  let [well, mended] = [0, false];
  const reaction = react(one.kernel, options, async (message) => {
    if (accountOf(message.subject) === "sick" && !mended) throw new Unavailable("its own trouble");
    well++;
    return done;
  });
  await until("the others are served", () => well === 500, 5000);
  mended = true;
  await until("it is served too", () => well === 501);
  await until("it is ready again", () => !one.notReady.has(options.durable));
  await reaction.stop();
});

test("a reaction is ready again also when what was unreachable then fails in another way", async () => {
  const { stream, options } = await fresh();
  await fill(stream, 1);
  let tries = 0;
  const reaction = react(one.kernel, options, async () => {
    tries++;
    if (tries < 3) throw new Unavailable("away");
    if (tries === 3) throw new Error("and now this");
    return done;
  });
  await until("it is handled at last", () => tries === 4);
  await until("it is ready", () => !one.notReady.has(options.durable));
  await reaction.stop();
});

test("rule: what was prefetched before a reconnect is dropped, not handled", async () => {
  const { stream, options } = await fresh({ concurrency: 1, ackWaitMs: 1500 });
  await using wire = await unreliable(all.server.url);
  await using far = await replica(wire.url);
  await fill(stream, 10);
  const handled: { readonly revision: number; readonly deliveries: number }[] = [];
  const { promise: first, resolve: letGo } = Promise.withResolvers<void>();
  let reconnects = 0;
  far.kernel.onReconnect(() => reconnects++);
  const reaction = react(far.kernel, options, async (message) => {
    handled.push({ revision: message.revision, deliveries: message.deliveries });
    if (handled.length === 1) await first;
    return done;
  });
  await until("one is in hand", () => handled.length === 1);
  await until("the next is prefetched", async () => (await givenOut(stream, options.durable)) >= 2);
  wire.cutNow();
  await until("it has connected again", () => reconnects === 1);
  letGo();
  await until("all is handled", async () => (await pendingOf(stream, options.durable)) === 0, 20_000);
  // The prefetched one came a second time from the server; nobody handled the copy that lay here.
  expect(handled.find(({ revision }) => revision === 2)?.deliveries).toBe(2);
  await reaction.stop();
});

test("a stop while everything is blocked or waiting hands the messages over at once", async () => {
  const { stream, options } = await fresh({ ackWaitMs: 30_000, maxAckPending: 20 });
  await fill(stream, 20);
  const leaving = react(one.kernel, options, async (message) => {
    if (message.revision % 2 === 0) return waitFor(5000);
    throw new Unavailable("away");
  });
  await until("they are in hand", async () => (await givenOut(stream, options.durable)) === 20);
  const began = performance.now();
  await leaving.stop();
  const handled = new Set<number>();
  const next = react(two.kernel, options, async (message) => {
    handled.add(message.revision);
    return done;
  });
  await until("the next replica has them", () => handled.size === 20);
  expect(performance.now() - began).toBeLessThan(8000);
  await next.stop();
});

test("waits, not ready, for a stream that is not there yet", async () => {
  const name = "LATER";
  let handled = 0;
  const options = { stream: name, durable: "later", filters: ["later.>"], codec: codecOfRelease<TallyEvent>(1) };
  const reaction = react(one.kernel, options, async () => {
    handled++;
    return done;
  });
  await until("it is not ready", () => one.notReady.get("later") === `cannot read stream ${name}`);
  await ensureStream(one.kernel.jsm, declared(name));
  await fill(name, 1);
  await until("it reads", () => handled === 1);
  await until("it is ready", () => !one.notReady.has("later"));
  await reaction.stop();
});
