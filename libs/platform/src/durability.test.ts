import { once } from "node:events";
import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { watchDurability } from "./durability.ts";
import { createHealth } from "./health.ts";

const setUp = async () => {
  const nats = { replicas: 1, syncs: true, answers: true };
  const monitor = createServer((_, response) =>
    response.end(JSON.stringify({ jetstream: { config: nats.syncs ? { sync_always: true } : {} } })),
  ).listen(0, "127.0.0.1");
  await once(monitor, "listening");
  const address = monitor.address();
  const stopping = new AbortController();
  const health = createHealth();
  const jsm = {
    streams: {
      list: async function* () {
        if (!nats.answers) throw new Error("away");
        yield { config: { name: "REGISTRY", num_replicas: nats.replicas } };
      },
    },
  };
  const watch = (): void => {
    const watching = watchDurability({
      ...{ jsm, health, stopping: stopping.signal, log: { warn: () => undefined }, pausesMs: { first: 10, lacking: 10, durable: 20 } },
      monitorUrl: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    });
    onTestFinished(async () => {
      stopping.abort();
      await watching;
      monitor.close();
    });
  };
  return { nats, health, watch };
};

test("not ready until it has been looked at", async () => {
  const { nats, health, watch } = await setUp();
  nats.answers = false;
  watch();
  expect(health.reasons()).toEqual([expect.stringContaining("is not checked yet")]);
  nats.answers = true;
  await expect.poll(() => health.reasons()).toEqual([]);
});

test("goes on looking when it was durable: a server that was replaced by one that forgets is found out, and the other way round", async () => {
  const { nats, health, watch } = await setUp();
  watch();
  await expect.poll(() => health.reasons()).toEqual([]);
  nats.syncs = false;
  await expect.poll(() => health.reasons()).toEqual([expect.stringContaining("REGISTRY is kept by fewer than three servers")]);
  nats.replicas = 3;
  await expect.poll(() => health.reasons()).toEqual([]);
});
