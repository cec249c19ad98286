import { afterAll, beforeAll, expect, test } from "vitest";
import { Unavailable } from "./errors.ts";
import { pipelinedPublisher } from "./publisher.ts";
import { joined } from "./requests.ts";
import { type Replica, replica, unreliable, until, type World, world } from "./testing-world.ts";

let all: World;
let one: Replica;
const data = new TextEncoder().encode("{}");
const none = joined();
beforeAll(async () => {
  all = await world("T");
  one = await all.replica();
});
afterAll(() => all[Symbol.asyncDispose]());

test("stores in the order of the calls and keeps to its window, also when callers come while it is full", async () => {
  const publisher = pipelinedPublisher(one.kernel.nats, { window: 10 });
  let most = 0;
  const answers = await Promise.all(
    Array.from({ length: 500 }, async (_, n) => {
      const answer = await publisher.publish("t.order", data, none);
      most = Math.max(most, publisher.inFlight());
      if (n % 2 === 0) await publisher.publish("t.more", data, none);
      return answer.kind === "stored" ? answer.seq : 0;
    }),
  );
  expect(answers).toEqual([...answers].sort((a, b) => a - b));
  expect(most).toBeLessThanOrEqual(10);
  publisher.close();
});

test("what cannot be sent at all gives its place back", async () => {
  const publisher = pipelinedPublisher(one.kernel.nats, { window: 1 });
  const calls = ["t.1", "not a subject", "t.2", "also not one", "t.3"].map((subject) => publisher.publish(subject, data, none));
  const settled = await Promise.allSettled(calls);
  expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled"]);
  expect(settled[1]).toMatchObject({ reason: expect.not.objectContaining({ name: "Unavailable" }) });
  expect(publisher.inFlight()).toBe(0);
  publisher.close();
});

test("after an answer that cannot be read a message may have happened, and the connection goes on", async () => {
  const publisher = pipelinedPublisher(one.kernel.nats, { window: 1 });
  await using strange = await all.replica();
  strange.kernel.nats.subscribe("strange.>", { callback: (_error, message) => void message.respond(message.subject.slice(8)) });
  await strange.kernel.nats.flush();
  for (const answer of ["nonsense", "null", "{}"])
    await expect(publisher.publish(`strange.${answer}`, data, none)).rejects.toMatchObject({
      ...{ name: "Unavailable", mayHaveHappened: true, message: "an answer that cannot be read" },
    });
  expect((await publisher.publish("t.1", data, none)).kind).toBe("stored");
  publisher.close();
});

test("time in the line counts: a message that never left says so at its deadline", async () => {
  await using stuck = await world("T");
  await using far = await stuck.replica();
  await stuck.server.standStill();
  const publisher = pipelinedPublisher(far.kernel.nats, { window: 1 });
  const first = publisher.publish("t.1", data, none, 3000);
  const second = publisher.publish("t.2", data, none, 200);
  await expect(second).rejects.toMatchObject({ name: "Unavailable", mayHaveHappened: false });
  stuck.server.kill("SIGCONT");
  expect((await first).kind).toBe("stored");
  publisher.close();
});

test("a server that takes messages and confirms none of them, as one whose disk is full, is told in readiness", async () => {
  await using stuck = await world("T");
  await using far = await stuck.replica();
  expect((await far.kernel.publisher.publish("t.1", data, none)).kind).toBe("stored");
  expect(far.notReady.has("appends")).toBe(false);
  await stuck.server.standStill();
  await expect(far.kernel.publisher.publish("t.2", data, none, 200)).rejects.toMatchObject({ mayHaveHappened: true });
  expect(far.notReady.get("appends")).toContain("does not confirm what is written");
  stuck.server.kill("SIGCONT");
  await stuck.server.restart();
  await until("it is ready with the new connection", () => !far.notReady.has("appends"));
});

test("appends while disconnected: rejected at once, and nothing is sent later in secret", async () => {
  await using wire = await unreliable(all.server.url);
  await using far = await replica(wire.url);
  let away = false;
  void (async () => {
    for await (const { type } of far.kernel.nats.status()) if (type === "disconnect") away = true;
  })();
  await wire[Symbol.asyncDispose]();
  await until("the connection is lost", () => away);
  const rejected = far.kernel.publisher.publish("t.secret", data, none);
  await expect(rejected).rejects.toBeInstanceOf(Unavailable);
  await expect(rejected).rejects.toMatchObject({ mayHaveHappened: false });
});

test("when the connection breaks, what had left may have happened and what waited did not", async () => {
  await using stuck = await world("T");
  await using wire = await unreliable(stuck.server.url);
  await using far = await replica(wire.url);
  const publisher = pipelinedPublisher(far.kernel.nats, { window: 1 });
  await publisher.publish("t.0", data, none);
  await stuck.server.standStill();
  const outcomes = Promise.allSettled([publisher.publish("t.left", data, none), publisher.publish("t.waited", data, none)]);
  wire.cutNow();
  expect(await outcomes).toMatchObject([{ reason: { mayHaveHappened: true } }, { reason: { mayHaveHappened: false } }]);
  stuck.server.kill("SIGCONT");
  publisher.close();
});
