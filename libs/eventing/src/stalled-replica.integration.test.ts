import type { JetStreamManager } from "@nats-io/jetstream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aggregate } from "./aggregate.ts";
import { jetStreamStore } from "./jetstream-store.ts";
import type { EventStore } from "./store.ts";
import { added, append, at, codecOfRelease, soon, type TallyEvent, tally } from "./testing-tally.ts";
import { type Replica, replica, unreliable, type World, world } from "./testing-world.ts";

// Of 14,798 conflicts on three servers, one of which stalled, a direct get did not find the message in 870; the leader's get always did.
let all: World;
let one: Replica;
let subjects = 0;
const subject = (): string => `t.${++subjects}`;
beforeAll(async () => {
  all = await world("T");
  one = await all.replica();
});
afterAll(() => all[Symbol.asyncDispose]());

interface Page {
  readonly callback: (done: { readonly err: Error }) => void;
}
/** Direct gets are answered by a replica of the stream that has received nothing yet; everything else by the leader. */
const stalled = ({ kernel: { jsm, publisher } }: Replica): EventStore<TallyEvent> => {
  const notFound = (): Error => Object.assign(new Error("message not found"), { code: 404 });
  const direct = {
    getMessage: async () => {
      throw notFound();
    },
    getBatch: async (_stream: string, { callback }: Page) => {
      callback({ err: notFound() });
      return { stop: () => undefined };
    },
  };
  const far = new Proxy(jsm, { get: (real, name) => (name === "direct" ? direct : Reflect.get(real, name)) });
  return jetStreamStore<TallyEvent>({ jsm: far as JetStreamManager, publisher, stream: "T", codec: codecOfRelease(1) });
};

test("an append whose answer was lost is recognised, though the replicas that answer direct gets do not have it yet", async () => {
  await using wire = await unreliable(all.server.url);
  await using far = await replica(wire.url);
  const on = subject();
  wire.loseAnswerTo("stalled-message");
  const appended = await stalled(far).append(on, append([added("stalled-message")]), soon());
  expect(wire.cuts()).toBe(1);
  expect(await one.store("T").tail(on, 0)).toMatchObject([{ revision: appended.kind === "appended" && appended.revision }]);
});

test("somebody else's append is a conflict, though the replicas do not have it yet", async () => {
  const on = subject();
  const theirs = await one.store("T").append(on, append([added("theirs")]), soon());
  expect(await stalled(one).append(on, append([added("mine")]), soon(2000))).toEqual({
    kind: "conflict",
    found: theirs.kind === "appended" && theirs.revision,
  });
});

test("the tail is whole, though the replicas have none of it", async () => {
  const on = subject();
  let expected = 0;
  for (let n = 0; n < 10; n++) {
    const appended = await one.store("T").append(on, append([added(`k${n}`)], expected), soon());
    expected = appended.kind === "appended" ? appended.revision : Number.NaN;
  }
  expect((await stalled(one).tail(on, 0)).flatMap(({ events }) => events)).toEqual(Array.from({ length: 10 }, (_, n) => added(`k${n}`)));
});

test("a command that another replica has carried out is known, though a fold begins with nothing", async () => {
  const on = subject();
  const asked = { commandId: "shared", at, deadline: performance.now() + 3000 };
  const add = { type: "Add", key: "k", n: 1 } as const;
  expect((await aggregate(one.store("T"), tally).execute(on, add, asked)).kind).toBe("appended");
  expect((await aggregate(stalled(one), tally).execute(on, add, asked)).kind).toBe("already");
  expect(await one.store("T").tail(on, 0)).toHaveLength(1);
});
