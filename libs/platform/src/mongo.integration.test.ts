import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { testMongo } from "@outrider/stack/testing";
import { expect, onTestFinished, test } from "vitest";
import { createHealth } from "./health.ts";
import { openMongo } from "./mongo.ts";

/** A door to the real MongoDB that can be opened and shut. */
const door = async (url: string) => {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const make = (): Server =>
    createServer((inner) => {
      const outer = connect(Number(port), hostname);
      for (const socket of [inner, outer]) {
        sockets.add(socket);
        socket.on("error", () => socket.destroy());
      }
      inner.pipe(outer).pipe(inner);
    });
  const listen = (server: Server, at: number) => new Promise<void>((done) => server.listen(at, "127.0.0.1", done));
  let server = make();
  await listen(server, 0);
  const address: AddressInfo | string | null = server.address();
  const own = typeof address === "object" && address !== null ? address.port : 0;
  const shut = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
  };
  const open = async (): Promise<void> => {
    server = make();
    await listen(server, own);
  };
  onTestFinished(shut);
  return { url: `mongodb://127.0.0.1:${own}`, shut, open };
};

test("starts without MongoDB, says so, and uses it as soon as it is there; the same when it goes away", async () => {
  const real = await testMongo();
  const { url, shut, open } = await door(real.url);
  await shut();
  const health = createHealth();
  const stop = new AbortController();
  const ends: (() => Promise<void> | void)[] = [];
  const config = { MONGODB_URL: url, MONGODB_DATABASE: real.database };
  const onStop = (_what: string, end: () => Promise<void> | void): number => ends.push(end);
  const { db } = await openMongo({ name: "projector", config, health, stopping: stop.signal, onStop });
  expect(health.reasons().join()).toContain("MongoDB");
  const began = performance.now();
  await expect(db.collection("people").findOne({})).rejects.toThrow();
  expect(performance.now() - began).toBeLessThan(6_000);

  await open();
  await expect.poll(() => health.reasons(), { timeout: 15_000 }).toEqual([]);
  await db.collection("people").insertOne({ seen: true });
  expect(await db.collection("people").countDocuments()).toBe(1);

  await shut();
  await expect.poll(() => health.reasons().join(), { timeout: 15_000 }).toContain("MongoDB cannot be reached");
  await open();
  await expect.poll(() => health.reasons(), { timeout: 15_000 }).toEqual([]);
  await db.dropDatabase();
  stop.abort();
  for (const end of ends) await end();
});
