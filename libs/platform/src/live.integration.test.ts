import { randomBytes } from "node:crypto";
import { buckets, streams } from "@outrider/contracts/streams";
import { ensureStream } from "@outrider/eventing";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { expect, onTestFinished, test } from "vitest";
import { defineConfig } from "./config.ts";
import { durabilityOf } from "./durability.ts";
import { CannotStart } from "./nats.ts";
import { openTestService } from "./testing.ts";

const definition = defineConfig("projector", {});
const masterKey = randomBytes(32).toString("base64");

let server: ThrowAwayNats;
const start = async (syncInterval: string): Promise<void> => {
  server = await throwAwayNats({ syncInterval });
  onTestFinished(server.stop);
};
const open = (providers: "live" | "sandbox", more: Record<string, string> = {}) =>
  openTestService(definition, { NATS_URL: server.url, OUTRIDER_PROVIDERS: providers, OUTRIDER_MASTER_KEY: masterKey, ...more });
const refused = async (opening: Promise<AsyncDisposable>): Promise<string> => {
  const error: unknown = await opening.then(
    (service) => service[Symbol.asyncDispose](),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CannotStart);
  return error instanceof Error ? error.message : "";
};
const readiness = async (url: string): Promise<unknown> => (await fetch(`${url}/health/ready`)).json();

test("a live start on the data of a sandbox is refused, and the other way round", async () => {
  await start("2m");
  await (await open("sandbox"))[Symbol.asyncDispose]();
  expect(await refused(open("live"))).toMatch(/^NATS holds the data of a sandbox, but OUTRIDER_PROVIDERS is live; begin with an empty/);
  await using again = await open("sandbox");
  expect(again.config.OUTRIDER_PROVIDERS).toBe("sandbox");
  await start("2m");
  await (await open("live"))[Symbol.asyncDispose]();
  expect(await refused(open("sandbox"))).toMatch(/^NATS holds data of real contacts, but OUTRIDER_PROVIDERS is sandbox; set it to live/);
});

test("a start with another master key than the data was begun with is refused", async () => {
  await start("2m");
  await (await open("live"))[Symbol.asyncDispose]();
  const other = randomBytes(32).toString("base64");
  const sentence = await refused(open("live", { OUTRIDER_MASTER_KEY: other }));
  expect(sentence).toMatch(/^What NATS holds was sealed with another master key; give OUTRIDER_MASTER_KEY the value/);
  expect(sentence).not.toContain(other);
});

test("several services that start at once on an empty server agree", async () => {
  await start("2m");
  const services = await Promise.all(Array.from({ length: 6 }, () => open("sandbox")));
  await Promise.all(services.map((service) => service[Symbol.asyncDispose]()));
  expect(await refused(open("live"))).toContain("a sandbox");
});

test("a store that an older release has begun gets the mark of the one that starts", async () => {
  await start("2m");
  const first = await open("sandbox");
  await first.jsm.streams.update(`KV_${buckets.keys}`, { metadata: {} });
  await first[Symbol.asyncDispose]();
  await (await open("sandbox"))[Symbol.asyncDispose]();
  expect(await refused(open("live"))).toContain("a sandbox");
});

test("live mode is not ready on a server that forgets at a power failure, and says what to do", async () => {
  await start("2m");
  await using service = await open("live", { NATS_MONITOR_URL: server.monitorUrl });
  await expect
    .poll(() => readiness(service.healthUrl))
    .toMatchObject({ ready: false, reasons: [expect.stringContaining("sync_interval")] });
  await using sandbox = await throwAwayNats({ syncInterval: "2m" });
  await using calm = await openTestService(definition, { NATS_URL: sandbox.url, NATS_MONITOR_URL: sandbox.monitorUrl });
  // Whoever looks is not ready from its first moment on: here nobody does.
  expect(await readiness(calm.healthUrl)).toEqual({ ready: true });
});

test("live mode is ready on a server that syncs, so that a power failure takes nothing back", async () => {
  await start("always");
  await using service = await open("live", { NATS_MONITOR_URL: server.monitorUrl });
  expect(await durabilityOf(service.jsm, server.monitorUrl)).toEqual({ kind: "durable" });
  // Not before it has looked: until then the reason is that it has not.
  await expect.poll(() => readiness(service.healthUrl)).toEqual({ ready: true });
});

test("live mode says beside ready that nobody can tell what a power failure would take", async () => {
  await start("always");
  await using service = await open("live");
  await ensureStream(service.jsm, streams.registry);
  await expect
    .poll(() => readiness(service.healthUrl))
    .toMatchObject({
      ready: true,
      notes: [expect.stringMatching(/kept by fewer than three servers, .* cannot be seen; tell NATS_MONITOR_URL/)],
    });
  expect(await durabilityOf(service.jsm, "http://127.0.0.1:1")).toMatchObject({ kind: "unknown" });
  expect(await durabilityOf(service.jsm, undefined)).toMatchObject({
    says: expect.stringMatching(/KV_outrider-leases, REGISTRY are kept/),
  });
});
