import { inspection } from "@outrider/contracts/commands";
import { accountId, partitionOf } from "@outrider/contracts/ids";
import { streams, subjects } from "@outrider/contracts/streams";
import { deadLetters, ensureStream, Unfoldable } from "@outrider/eventing";
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

test("whoever looks into a history that cannot be read is told which message it is", async () => {
  const unreadable = new Unfoldable("unreadable", "HUNTS", 37, "not JSON");
  const fails = {
    fold: () => Promise.reject(unreadable),
    history: () => Promise.reject(unreadable),
    stateAt: () => Promise.reject(unreadable),
  };
  const asked = inspection("sms-sender");
  const handlers = inspectionHandlers(kernelOf(service), asked, { aggregates: { "sms.contact": fails }, reactions: [] });
  const subject = subjects.smsContact(accountId.parse("mine"), "c1");
  for (const { definition, run } of handlers.filter(
    ({ definition: { name } }) => name === asked.history.name || name === asked.state.name,
  )) {
    const refused = run(definition.request.parse({ subject, from: 0, limit: 10 }), undefined as never);
    await expect(refused).rejects.toMatchObject({ slug: "conflict", message: "HUNTS:37 cannot be read (not JSON)" });
  }
});

test("a history whose states are large comes in pages that one message carries, and none is left out", async () => {
  const steps = Array.from({ length: 40 }, (_, index) => ({
    recorded: { revision: index + 1, at: "2026-11-20T10:00:00.000Z", commandId: `c${index}`, events: [{ type: "Added", data: { index } }] },
    state: index === 20 ? { text: "x".repeat(2_000_000) } : { text: "x".repeat(60_000) },
  }));
  const large = {
    history: async (_subject: string, after: number, limit: number) => steps.filter((_step, index) => index >= after).slice(0, limit),
    fold: () => Promise.reject(new Error("not asked")),
    stateAt: () => Promise.reject(new Error("not asked")),
  };
  const { history } = inspection("sms-sender");
  const aggregates = { "sms.contact": large as never };
  const handler = inspectionHandlers(kernelOf(service), inspection("sms-sender"), { aggregates, reactions: [] }).find(
    ({ definition: { name } }) => name === history.name,
  );
  const seen: number[] = [];
  for (let from: number | undefined = 0; from !== undefined; ) {
    const request = { subject: subjects.smsContact(accountId.parse("mine"), "c1"), from, limit: 100 };
    const answer = history.reply.parse(await handler?.run(request, undefined as never));
    expect(JSON.stringify(answer).length).toBeLessThan(700_000);
    seen.push(...answer.entries.map(({ seq }) => seq));
    from = answer.next;
  }
  expect(seen).toEqual(steps.map(({ recorded }) => recorded.revision));
});
