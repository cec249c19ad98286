import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { webhookSecret } from "./routes/lines.ts";
import { adminKey, webhookKey } from "./testing/world.ts";

let nats: ThrowAwayNats;
const children: ChildProcess[] = [];

beforeAll(async () => {
  nats = await throwAwayNats();
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await nats.stop();
});

const start = (environment: Readonly<Record<string, string>>) => {
  const child = spawn(process.execPath, [new URL("main.ts", import.meta.url).pathname], {
    env: {
      ...{ PATH: process.env["PATH"] ?? "", NATS_URL: nats.url, MONGODB_URL: "mongodb://127.0.0.1:9", LOG_LEVEL: "debug" },
      ...{ OUTRIDER_ADMIN_KEY: adminKey, OUTRIDER_WEBHOOK_SECRET: webhookKey, GATEWAY_PORT: "0", ...environment },
    },
  });
  children.push(child);
  let told = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      told += chunk.toString();
    });
  }
  const ended = new Promise<number | null>((done) => child.once("exit", done));
  return { child, ended, told: () => told };
};

test("runs alone, tells nobody's secrets, and ends when asked", async () => {
  const gateway = start({});
  await expect.poll(() => /"url":"(http:[^"]+)"/.exec(gateway.told())?.[1], { timeout: 20_000 }).toBeDefined();
  const url = /"url":"(http:[^"]+)"/.exec(gateway.told())?.[1] ?? "";
  const key = `or_garage_${"k".repeat(43)}`;
  const secret = webhookSecret(webhookKey, "smsmobileapi", "garage");
  const number = "+33639980042";
  const send = (path: string, authorization: string, body: unknown) =>
    fetch(`${url}${path}`, {
      ...{ method: "POST", headers: { authorization, "content-type": "application/json" }, body: JSON.stringify(body) },
    });
  await send("/v1/people/lookup", `Bearer ${adminKey}`, { number });
  await send("/v1/contacts", `Bearer ${key}`, { number, text: "words for one person only" });
  await send(`/v1/people/${encodeURIComponent(number)}/opt-out`, `Bearer ${key}`, {});
  await send("/v1/lines", `Bearer ${key}`, { apiKey: "the-phones-own-key" });
  expect((await send(`/webhooks/smsmobileapi/garage/${secret}`, "", { from: number })).status).toBe(200);
  await expect.poll(() => gateway.told().match(/a request was answered/g)?.length).toBe(4);
  expect(gateway.told()).not.toMatch(/639980042|one person only|kkkkkk|phones-own|operator-of/);
  expect(gateway.told()).not.toContain(secret);
  gateway.child.kill("SIGTERM");
  expect(await gateway.ended).toBe(0);
}, 60_000);

test("says in one sentence that its port is taken", async () => {
  const taken = createServer();
  await new Promise<void>((listening) => taken.listen(0, "127.0.0.1", listening));
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const gateway = start({ GATEWAY_PORT: String(port) });
  expect(await gateway.ended).toBe(2);
  expect(gateway.told()).toContain(`gateway: The API cannot be served at 127.0.0.1:${port} (the port is in use)`);
  await new Promise((closed) => taken.close(closed));
}, 60_000);

test("names the variable that is missing", async () => {
  const gateway = start({ OUTRIDER_WEBHOOK_SECRET: "" });
  expect(await gateway.ended).toBe(2);
  expect(gateway.told()).toContain("gateway: OUTRIDER_WEBHOOK_SECRET is missing");
}, 60_000);
