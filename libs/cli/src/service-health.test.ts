import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { healthOf, servicesIn, whoOf } from "./service-health.ts";

test("services of the run file are asked, and say why they are not ready; one that is gone is told, too", async () => {
  const answers: Readonly<Record<string, [status: number, body: string]>> = {
    "/ready": [200, '{"ready":true,"notes":["whether NATS syncs is not known"]}'],
    "/stuck": [503, '{"ready":false,"reasons":["SMS:9 was written by a newer release"]}'],
  };
  const server = createServer(({ url = "" }, response) => {
    const [status, body] = answers[url] ?? [500, "{}"];
    response.writeHead(status).end(body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const folder = mkdtempSync(join(tmpdir(), "outrider-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const at = (path: string): string => `http://127.0.0.1:${port}${path}`;
  const services = [
    { name: "gateway", replica: 1, pid: 1, health: at("/ready"), restarts: 0 },
    { name: "projector", replica: 2, pid: 2, health: at("/stuck"), restarts: 0 },
    { name: "registry", replica: 1, pid: null, health: "http://127.0.0.1:1/health/ready", restarts: 3 },
  ];
  writeFileSync(join(folder, "run.json"), JSON.stringify({ gateway: null, services }));
  const asked = await healthOf(servicesIn(join(folder, "run.json")));
  expect(asked.map((one) => [whoOf(one), one.ready, one.reasons, one.notes])).toEqual([
    ["gateway", true, [], ["whether NATS syncs is not known"]],
    ["projector (replica 2)", false, ["SMS:9 was written by a newer release"], []],
    ["registry", false, ["it does not answer: ended, or starting"], []],
  ]);
  expect(servicesIn(join(folder, "none.json"))).toEqual([]);
});
