import { expect, onTestFinished, test } from "vitest";
import { createHealth, serveHealth } from "./health.ts";
import { createMetrics } from "./metrics.ts";

const served = async (monotonic?: () => number) => {
  const told: unknown[] = [];
  const health = createHealth((key, reason) => told.push([key, reason]));
  const misused: string[] = [];
  const metrics = createMetrics({ service: "gateway" }, (name) => misused.push(name));
  const server = await serveHealth(health, metrics.registry, { host: "127.0.0.1", port: 0 }, monotonic);
  onTestFinished(server.close);
  const get = async (path: string) => {
    const response = await fetch(server.url + path);
    return { status: response.status, body: await response.text() };
  };
  return { health, metrics, misused, told, get };
};

test("is ready when nothing speaks against it, and otherwise says why", async () => {
  const { health, told, get } = await served();
  expect(await get("/health/ready")).toEqual({ status: 200, body: '{"ready":true}\n' });
  health.notReady("nats", "NATS is disconnected");
  health.notReady("nats", "NATS is disconnected");
  health.set("view", "the view is catching up");
  health.set("another reader", "NATS is disconnected"); // said once
  expect(await get("/health/ready")).toEqual({
    status: 503,
    body: '{"ready":false,"reasons":["NATS is disconnected","the view is catching up"]}\n',
  });
  expect((await get("/health/live")).status).toBe(200);
  health.ok("another reader");
  health.ok("nats");
  health.set("view", undefined);
  expect((await get("/health/ready")).status).toBe(200);
  expect(told).toHaveLength(6);
});

test("is not live after something fatal, nor while its event loop stands still", async () => {
  let now = 0;
  const { health, get } = await served(() => now);
  expect((await get("/health/live")).status).toBe(200);
  now = 31_000;
  expect(await get("/health/live")).toMatchObject({ status: 503, body: expect.stringContaining("31 s") });
  now = 0;
  health.fatal("commands are no longer served");
  expect(await get("/health/live")).toEqual({ status: 503, body: '{"live":false,"reasons":["commands are no longer served"]}\n' });
});

test("serves its metrics, and a metric used in two ways breaks nothing", async () => {
  const { metrics, misused, get } = await served();
  metrics.count("outrider_reactions_total", { outcome: "done" });
  metrics.count("outrider_reactions_total", { outcome: "done" }, 2);
  metrics.count("outrider_reactions_total", { another: "label" });
  metrics.gauge("reader.lag", { reader: "r" }, 7);
  metrics.time("command_seconds", { command: "permit" }, 0.003);
  const { body } = await get("/metrics");
  expect(body).toContain('outrider_reactions_total{outcome="done",service="gateway"} 3');
  expect(body).toContain('outrider_reader_lag{reader="r",service="gateway"} 7');
  expect(body).toContain('outrider_command_seconds_bucket{le="0.005",service="gateway",command="permit"} 1');
  expect(body).toContain("process_resident_memory_bytes");
  expect(misused).toEqual(["outrider_reactions_total"]);
  expect((await get("/nothing")).status).toBe(404);
});
