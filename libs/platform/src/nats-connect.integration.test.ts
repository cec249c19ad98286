import { Socket } from "node:net";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { connect } from "./nats-connect.ts";

let server: ThrowAwayNats;
beforeAll(async () => {
  server = await throwAwayNats();
});
afterAll(async () => {
  await server?.stop();
});

test("messages of one turn leave together and in order, however many steps lie between them", async () => {
  const [reader, writer] = [await connect({ servers: server.url }), await connect({ servers: server.url })];
  const seen: string[] = [];
  const all = Promise.withResolvers<void>();
  reader.subscribe("step", { callback: (_error, message) => (seen.push(message.string()) === 50 ? all.resolve() : undefined) });
  await reader.flush();
  const released = vi.spyOn(Socket.prototype, "uncork");
  const steps = async (): Promise<void> => {
    for (let step = 0; step < 50; step++) {
      writer.publish("step", String(step));
      await undefined;
    }
  };
  await steps();
  expect(released).not.toHaveBeenCalled();
  await all.promise;
  expect(seen).toEqual(Array.from({ length: 50 }, (_, step) => String(step)));
  expect(released.mock.contexts.filter((socket) => socket === released.mock.contexts[0])).toHaveLength(1);
  released.mockRestore();
  await Promise.all([reader.close(), writer.close()]);
});

test("what was published right before a drain still arrives", async () => {
  const [reader, writer] = [await connect({ servers: server.url }), await connect({ servers: server.url })];
  const last = Promise.withResolvers<string>();
  reader.subscribe("last", { callback: (_error, message) => last.resolve(message.string()) });
  await reader.flush();
  writer.publish("last", "goodbye");
  await writer.drain();
  expect(await last.promise).toBe("goodbye");
  await reader.close();
});

test("holds and sends again after the server was lost", async () => {
  const nats = await connect({ servers: server.url, reconnectTimeWait: 50, maxReconnectAttempts: -1 });
  nats.publish("lost", "on its way");
  await server.restart();
  await expect.poll(async () => (await nats.rtt()) > 0, { timeout: 10_000 }).toBe(true);
  await nats.close();
});
