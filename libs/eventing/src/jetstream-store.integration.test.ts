import type { JetStreamManager } from "@nats-io/jetstream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Unavailable } from "./errors.ts";
import { readDirect } from "./jetstream-store.ts";
import { storeContract } from "./testing-store-contract.ts";
import { added, append, codecOfRelease, soon, type TallyEvent } from "./testing-tally.ts";
import { type Replica, replica, unreliable, type World, world } from "./testing-world.ts";

let all: World;
let one: Replica;
let subjects = 0;
const subject = (): string => `t.${++subjects}`;
beforeAll(async () => {
  all = await world("T");
  one = await all.replica();
});
afterAll(() => all[Symbol.asyncDispose]());

describe("the store on JetStream", () => storeContract(async () => one.store("T"), subject));

test("lost ack: the append is recognised by its execution id, and is there once", async () => {
  await using wire = await unreliable(all.server.url);
  await using far = await replica(wire.url);
  const [store, on] = [far.store("T"), subject()];
  wire.loseAnswerTo("marked-message");
  const appended = await store.append(on, append([added("marked-message")]), soon());
  expect(wire.cuts()).toBe(1);
  const tail = await store.tail(on, 0);
  expect(tail).toHaveLength(1);
  expect(appended).toEqual({ kind: "appended", revision: tail[0]?.revision });
});

test("lost ack: somebody else's message with the same command id is a conflict", async () => {
  await using wire = await unreliable(all.server.url);
  await using far = await replica(wire.url);
  const on = subject();
  const theirs = append<TallyEvent>([added("x")], 0, { commandId: "shared" });
  await one.store("T").append(on, theirs, soon());
  wire.loseAnswerTo("marked-too");
  const mine = append([added("marked-too")], 0, { commandId: "shared" });
  expect((await far.store("T").append(on, mine, soon())).kind).toBe("conflict");
});

test("an append that nobody can confirm in time says that it may have happened, by its own deadline", async () => {
  await using server = await world("T");
  await using far = await server.replica();
  const on = subject();
  await far.store("T").append(on, append([added("x")]), soon());
  await server.server.standStill();
  const began = performance.now();
  // A long wait in front must not hide a short one behind it.
  const long = far.store("T").append(subject(), append([added("long")]), soon(4000));
  const short = far.store("T").append(subject(), append([added("short")]), soon(300));
  await expect(short).rejects.toMatchObject({ name: "Unavailable", mayHaveHappened: true });
  expect(performance.now() - began).toBeLessThan(1000);
  server.server.kill("SIGCONT");
  expect((await long).kind).toBe("appended");
});

test("what the server refuses for good is no outage; a stream that is not there is one", async () => {
  const large = append([added("x".repeat(1_000_100))]);
  const refused = one.store("T").append(subject(), large, soon(500));
  await expect(refused).rejects.toThrow(/refused|exceed/i);
  await expect(refused).rejects.not.toBeInstanceOf(Unavailable);
  const nowhere = one.store("NOWHERE");
  await expect(nowhere.append("nowhere.1", append([added("x")]), soon(300))).rejects.toBeInstanceOf(Unavailable);
  await expect(nowhere.tail("nowhere.1", 0)).rejects.toBeInstanceOf(Unavailable);
  await expect(nowhere.last("nowhere.1")).rejects.toBeInstanceOf(Unavailable);
});

test("a page whose rest never comes, because the connection broke in its middle, ends as an outage", async () => {
  const begun = {
    direct: {
      getBatch: async (_stream: string, { callback }: { callback: (done: null, message: object) => void }) => {
        callback(null, { seq: 1 });
        return { stop: () => undefined };
      },
    },
  };
  const page = readDirect(begun as unknown as JetStreamManager, "T", "t.1", 1, 10, 100);
  await expect(page).rejects.toBeInstanceOf(Unavailable);
});

test("a message of a newer release, and one that nobody can read, refuse the fold with their place", async () => {
  const on = subject();
  await one.store("T", codecOfRelease(2)).append(on, append([added("x")]), soon());
  await expect(one.store("T", codecOfRelease(1)).tail(on, 0)).rejects.toMatchObject({ name: "Unfoldable", kind: "newer" });
  const bad = subject();
  await one.kernel.js.publish(bad, "not json");
  await expect(one.store("T").read(bad, 0, 10)).rejects.toMatchObject({ name: "Unfoldable", kind: "unreadable" });
});

test("a header value with a line break is refused before anything is sent", async () => {
  const hostile = append([added("x")], 0, { actor: "a\r\nNats-Rollup: all" });
  await expect(one.store("T").append(subject(), hostile, soon())).rejects.toBeInstanceOf(TypeError);
});
