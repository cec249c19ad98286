import { inspection } from "@outrider/contracts/commands";
import { accountId, partitionOf } from "@outrider/contracts/ids";
import { streams, subjects } from "@outrider/contracts/streams";
import { deadLetters, ensureStream } from "@outrider/eventing";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveCommands } from "./commands/serve.ts";
import { defineConfig } from "./config.ts";
import { inspectionHandlers } from "./inspection.ts";
import { kernelOf } from "./kernel.ts";
import type { Service } from "./service.ts";
import { openTestService } from "./testing.ts";

let nats: ThrowAwayNats;
let service: Service;
beforeAll(async () => {
  nats = await throwAwayNats();
  service = await openTestService(defineConfig("sms-sender", {}), { NATS_URL: nats.url });
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await nats.stop();
});

test("an account's dead letters are found behind any number of others', and counted alone", async () => {
  const kernel = kernelOf(service);
  await ensureStream(service.jsm, streams.dead);
  const [mine, other] = [accountId.parse("mine"), accountId.parse("other")];
  const dead = deadLetters(kernel);
  const write = (subject: string, seq: number) =>
    dead.write({ consumer: "c", stream: "S", seq, subject, reason: "unreadable", deliveries: 1 });
  await Promise.all(Array.from({ length: 600 }, (_, seq) => write(subjects.smsContact(other, `c${seq}`), seq)));
  for (const [index, subject] of [
    `due.sms-sender.turn.${partitionOf(mine)}.${mine}.c1`,
    subjects.inbox("smsmobileapi", mine),
    subjects.smsContact(mine, "c2"),
  ].entries())
    await write(subject, 1000 + index);

  const commands = inspection("sms-sender");
  await serveCommands(service, inspectionHandlers(kernel, commands, { aggregates: {}, reactions: [] }));
  const list = (limit: number, account?: typeof mine) => service.ask(commands.deadList, { limit, account });
  expect(await list(2, mine)).toMatchObject({ letters: [{ seq: 1000 }, { seq: 1001 }], total: 3 });
  expect((await list(500, other)).total).toBe(600);
  expect(await list(1)).toMatchObject({ letters: [{ seq: 0 }], total: 603 });
});
