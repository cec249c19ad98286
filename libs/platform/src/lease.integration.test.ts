import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Bucket, openBucket, readLast } from "./bucket.ts";
import { assertHeld, createLeases, LeaseLost, type LeaseOptions, type Leases } from "./lease.ts";

const ttlMs = 600;
const never = new AbortController().signal;
const log = { info: () => undefined, warn: () => undefined };

let server: ThrowAwayNats;
const connections: NatsConnection[] = [];
beforeAll(async () => {
  server = await throwAwayNats();
});
afterAll(async () => {
  await Promise.all(connections.map((nats) => nats.close()));
  await server?.stop();
});

interface Replica extends Leases {
  readonly nats: NatsConnection;
  readonly options: LeaseOptions;
  readonly bucket: Bucket;
}

const replica = async (name: string, more: Partial<LeaseOptions> = {}): Promise<Replica> => {
  const nats = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  connections.push(nats);
  const [js, jsm] = [jetstream(nats), await jetstreamManager(nats)];
  const bucket = await openBucket(jsm, "outrider-leases", { replicas: 1, history: 1 });
  const options: LeaseOptions = { nats, js, jsm, bucket, replica: name, log, ttlMs, ...more };
  return { nats, options, bucket, ...createLeases(options) };
};

const pending = async (promise: Promise<unknown>, ms: number): Promise<boolean> => {
  const waited = new Promise<"waited">((done) => setTimeout(() => done("waited"), ms));
  return (await Promise.race([promise, waited])) === "waited";
};

test("one holds it, for as long as it likes, and the other waits", async () => {
  const [one, two] = await Promise.all([replica("one"), replica("two")]);
  const held = await one.acquire("view.people", never);
  const waiting = two.acquire("view.people", never);
  expect(await pending(waiting, 3 * ttlMs)).toBe(true);
  expect(held.lost.aborted).toBe(false);
  assertHeld(held);
  expect(held.epoch).toBe(1);

  const released = performance.now();
  await held.release();
  const next = await waiting;
  expect(performance.now() - released).toBeLessThan(ttlMs / 2);
  expect(next.epoch).toBe(2);
  expect(held.lost.aborted).toBe(true);
  await next.release();
});

test("of many at once exactly one wins, and every change of holder raises the epoch", async () => {
  const many = await Promise.all(Array.from({ length: 5 }, (_, index) => replica(`r${index}`)));
  const epochs: number[] = [];
  let holders = 0;
  await Promise.all(
    many.map(async ({ acquire }) => {
      const lease = await acquire("crowded", never);
      holders++;
      expect(holders).toBe(1);
      epochs.push(lease.epoch);
      holders--;
      await lease.release();
    }),
  );
  expect(epochs).toEqual([1, 2, 3, 4, 5]);
});

test("a holder whose process is gone is followed after its time has run out, not before", async () => {
  const [one, two] = await Promise.all([replica("one"), replica("two")]);
  const held = await one.acquire("crashed", never);
  await one.nats.close();
  const began = performance.now();
  const next = await two.acquire("crashed", never);
  expect(performance.now() - began).toBeGreaterThan(ttlMs * 0.6);
  expect(next.epoch).toBe(2);
  expect(held.lost.aborted).toBe(true);
  await next.release();
});

test("a holder that was stopped finds out before its next write, although no timer has run yet", async () => {
  let skipped = 0;
  const one = await replica("one", { monotonic: () => performance.now() + skipped });
  const held = await one.acquire("paused", never);
  const { lost } = held;
  expect(lost.aborted).toBe(false);
  // As after SIGSTOP and SIGCONT: time has passed, and not one callback was called meanwhile.
  skipped = ttlMs + 1;
  expect(lost.aborted).toBe(false);
  expect(() => assertHeld(held)).toThrow(LeaseLost);
  expect(lost.aborted).toBe(true);
});

test("a holder whose machine was suspended knows that it has lost it: its monotonic clock stood still meanwhile", async () => {
  let suspended = 0;
  const one = await replica("one", { wall: () => Date.now() + suspended });
  const held = await one.acquire("suspended", never);
  assertHeld(held);
  suspended = ttlMs + 1;
  expect(() => assertHeld(held)).toThrow(LeaseLost);
  expect(held.lost.aborted).toBe(true);
});

test("a holder whose clock on the wall was set back renews as before, and keeps it", async () => {
  let ahead = 0;
  const one = await replica("one", { wall: () => Date.now() + ahead });
  const held = await one.acquire("set-back", never);
  ahead = -3_600_000;
  expect(await pending(new Promise<void>((lost) => held.lost.addEventListener("abort", () => lost())), 2 * ttlMs)).toBe(true);
  assertHeld(held);
  await held.release();
});

test("an old holder never renews over its successor", async () => {
  const two = await replica("two");
  const one = await replica("one", { ttlMs: 60_000 });
  const held = await one.acquire("usurped", never);
  const stored = await readLast(two.options.jsm, two.bucket, "usurped");
  const usurper = JSON.stringify({ ...stored?.json<object>(), holder: "two.x", epoch: 2, ttlMs });
  await two.options.js.publish(two.bucket.subjectOf("usurped"), usurper);
  await held.release();
  expect((await readLast(two.options.jsm, two.bucket, "usurped"))?.json()).toMatchObject({ holder: "two.x", epoch: 2 });
});

test("a renewal that finds a successor ends the lease at once", async () => {
  const [one, two] = await Promise.all([replica("one", { ttlMs: 6_000 }), replica("two")]);
  const held = await one.acquire("taken", never);
  const stored = await readLast(two.options.jsm, two.bucket, "taken");
  await two.options.js.publish(two.bucket.subjectOf("taken"), JSON.stringify({ ...stored?.json<object>(), holder: "two.x", epoch: 2 }));
  await vi.waitFor(() => expect(held.lost.aborted).toBe(true), { timeout: 5_000, interval: 10 });
  expect(held.lost.reason).toMatchObject({ message: expect.stringContaining("somebody else holds it") });
});

test("a renewal counts from the moment at which it began, however late its answer comes", async () => {
  let [skipped, renewals] = [0, 0];
  const { options } = await replica("one", { ttlMs: 3_000, monotonic: () => performance.now() + skipped });
  let isSlow = false;
  const publish: LeaseOptions["js"]["publish"] = async (...message) => {
    const ack = await options.js.publish(...message);
    if (isSlow) {
      skipped += 2_700; // the answer was on its way for so long
      renewals++;
    }
    isSlow = false;
    return ack;
  };
  const js = new Proxy(options.js, { get: (real, name) => (name === "publish" ? publish : Reflect.get(real, name)) });
  const held = await createLeases({ ...options, js }).acquire("slow", never);
  isSlow = true;
  await vi.waitFor(() => expect(renewals).toBe(1), { timeout: 2_500, interval: 5 });
  skipped += 300;
  expect(() => assertHeld(held)).toThrow(LeaseLost);
});

test("a renewal whose acknowledgement was lost is recognised as our own", async () => {
  const one = await replica("one");
  const held = await one.acquire("unheard", never);
  const { options, bucket } = one;
  const stored = await readLast(options.jsm, bucket, "unheard");
  // The same record once more, behind the holder's back: what a renewal leaves whose answer never came.
  const unheard = await options.js.publish(bucket.subjectOf("unheard"), stored?.data ?? "");
  await vi.waitFor(async () => expect((await readLast(options.jsm, bucket, "unheard"))?.seq).toBeGreaterThan(unheard.seq), {
    timeout: 2 * ttlMs,
    interval: 20,
  });
  expect(held.lost.aborted).toBe(false);
  await held.release();
});

test("a restart of NATS shorter than the lease costs nobody anything; a wait can be given up", async () => {
  const [one, two] = await Promise.all([replica("one", { ttlMs: 9_000 }), replica("two", { ttlMs: 9_000 })]);
  const held = await one.acquire("restarted", never);
  await server.restart();
  const stop = new AbortController();
  const waiting = two.acquire("restarted", stop.signal);
  expect(await pending(waiting, 1_500)).toBe(true);
  assertHeld(held);
  stop.abort(new Error("given up"));
  await expect(waiting).rejects.toThrow("given up");
  await held.release();
});

test("ending a service gives back all that it holds", async () => {
  const [one, two] = await Promise.all([replica("one"), replica("two")]);
  await Promise.all([one.acquire("first", never), one.acquire("second", never)]);
  await one.releaseAll();
  const began = performance.now();
  const taken = await Promise.all([two.acquire("first", never), two.acquire("second", never)]);
  expect(performance.now() - began).toBeLessThan(ttlMs / 2);
  expect(taken.map(({ epoch }) => epoch)).toEqual([2, 2]);
  await two.releaseAll();
  await expect(two.acquire("no spaces", never)).rejects.toThrow("cannot name a lease");
});

test("whoever waits is told when the bucket is gone, as after NATS has lost its data", async () => {
  const one = await replica("one");
  const held = await one.acquire("view.gone", never);
  const waiting = one.acquire("view.gone", never);
  waiting.catch(() => undefined);
  await one.options.jsm.streams.delete(one.bucket.stream);
  await expect(waiting).rejects.toThrow("the bucket of leases is gone");
  await held.release();
});
