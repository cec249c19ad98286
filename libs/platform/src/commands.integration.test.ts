import { setTimeout as sleep } from "node:timers/promises";
import { headers } from "@nats-io/transport-node";
import { defineCommand, header } from "@outrider/contracts/commands";
import { CommandReused } from "@outrider/eventing";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { z } from "zod";
import { createAsk, questionsOver } from "./commands/ask.ts";
import { type CommandContext, handle } from "./commands/handler.ts";
import { Refusal } from "./commands/refusal.ts";
import { serveCommands } from "./commands/serve.ts";
import { defineConfig } from "./config.ts";
import { Unavailable } from "./index.ts";
import type { Service } from "./service.ts";
import { openTestService } from "./testing.ts";

const spend = defineCommand("credit-ledger", "spend", z.object({ credits: z.int().min(1) }), z.object({ left: z.int() }));
const nobody = defineCommand("scheduler", "nothing", z.object({}), z.object({}));

let server: ThrowAwayNats;
let ledger: Service;
let asker: Service;
beforeAll(async () => {
  server = await throwAwayNats();
  ledger = await openTestService(defineConfig("credit-ledger", {}), { NATS_URL: server.url, OUTRIDER_REPLICA: "ledger-1" });
  asker = await openTestService(defineConfig("gateway", {}), { NATS_URL: server.url });
});
afterAll(async () => {
  await Promise.all([asker?.[Symbol.asyncDispose](), ledger?.[Symbol.asyncDispose]()]);
  await server?.stop();
});

test("a command reaches its handler with all that came with it, and its answer comes back", async () => {
  let seen: CommandContext | undefined;
  await using _served = await serveCommands(ledger, [
    handle(spend, async ({ credits }, context) => {
      seen = context;
      return { left: 10 - credits };
    }),
  ]);
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const options = { commandId: "c-1", correlation: "r-1", causation: "SMS:7", actor: "maria", traceparent };
  expect(await asker.ask(spend, { credits: 3 }, options)).toEqual({ left: 7 });
  expect(seen).toMatchObject(options);
  expect(seen?.deadlineAt).toBeGreaterThan(Date.now());
  expect(seen?.deadline.aborted).toBe(false);
});

test("a refusal arrives as the refusal that it was", async () => {
  await using _served = await serveCommands(ledger, [
    handle(spend, async () => {
      throw new Refusal("refused", "the balance holds 2 credits", "no-credits");
    }),
  ]);
  await expect(asker.ask(spend, { credits: 3 })).rejects.toMatchObject({
    name: "Refusal",
    slug: "refused",
    rule: "no-credits",
    message: "the balance holds 2 credits",
  });
});

test("an id that had another command before arrives as a key that was used twice", async () => {
  await using _served = await serveCommands(ledger, [
    handle(spend, async () => {
      throw new CommandReused();
    }),
  ]);
  await expect(asker.ask(spend, { credits: 3 })).rejects.toMatchObject({ name: "Refusal", slug: "idempotency-key-reused" });
});

test("a request of another form names the fields and never reaches the handler", async () => {
  const handler = vi.fn(async () => ({ left: 0 }));
  await using _served = await serveCommands(ledger, [handle(spend, handler)]);
  await expect(asker.ask(spend, { credits: 0 })).rejects.toMatchObject({
    slug: "invalid-request",
    message: expect.stringContaining("credits:"),
  });
  const raw = await asker.nats.request(spend.subject, "not json", { timeout: 2_000 });
  expect(raw.json()).toMatchObject({ ok: false, slug: "invalid-request" });
  expect(handler).not.toHaveBeenCalled();
});

test("a bug is answered with a reference and nothing of its own words", async () => {
  await using _served = await serveCommands(ledger, [
    handle(spend, async () => {
      throw new TypeError("cannot read +33639980001");
    }),
  ]);
  await expect(asker.ask(spend, { credits: 1 })).rejects.toMatchObject({
    slug: "internal",
    message: expect.stringMatching(/^credit-ledger failed to answer spend; reference [\w-]{22}$/),
  });
});

test("what is longer than a message may be is refused, and the next question is answered", async () => {
  const say = defineCommand("credit-ledger", "say", z.object({ text: z.string() }), z.object({ heard: z.int() }));
  await using _served = await serveCommands(ledger, [handle(say, async ({ text }) => ({ heard: text.length }))]);
  await expect(asker.ask(say, { text: "x".repeat(1_048_576) })).rejects.toMatchObject({ name: "Refusal", slug: "too-large" });
  expect(await asker.ask(say, { text: "x".repeat(1_000_000) })).toEqual({ heard: 1_000_000 });
});

test("a service that is not running, does not answer in time or is out of reach is unavailable", async () => {
  await expect(asker.ask(nobody, {})).rejects.toMatchObject({ name: "Unavailable", mayHaveHappened: false });
  await using _served = await serveCommands(ledger, [
    handle(spend, async (_request, { deadline }) => {
      await new Promise((over) => deadline.addEventListener("abort", over));
      throw new Unavailable("the provider is away", { mayHaveHappened: true });
    }),
  ]);
  const late = asker.ask(spend, { credits: 1 }, { timeoutMs: 80 });
  await expect(late).rejects.toBeInstanceOf(Unavailable);
  await expect(late).rejects.toMatchObject({ mayHaveHappened: true });
  await expect(asker.ask(spend, { credits: 1 }, { deadline: Date.now() - 1 })).rejects.toMatchObject({ mayHaveHappened: false });
});

test("while the connection is away nothing is asked, and nothing is asked later in secret", async () => {
  const handler = vi.fn(async () => ({ left: 0 }));
  await using _served = await serveCommands(ledger, [handle(spend, handler)]);
  const questions = questionsOver(asker.nats);
  const ask = createAsk({ questions, name: "gateway", instruments: asker.instruments, isUp: () => false });
  await expect(ask(spend, { credits: 1 })).rejects.toMatchObject({ name: "Unavailable", mayHaveHappened: false });
  expect(await asker.ask(spend, { credits: 2 })).toEqual({ left: 0 });
  expect(handler.mock.calls.map(([request]: unknown[]) => request)).toEqual([{ credits: 2 }]);
  questions.close();
});

test("a request whose deadline has passed is dropped without an answer", async () => {
  const handler = vi.fn(async () => ({ left: 0 }));
  await using _served = await serveCommands(ledger, [handle(spend, handler)]);
  const late = headers();
  late.set(header.deadline, String(Date.now() - 5));
  await expect(asker.nats.request(spend.subject, '{"credits":1}', { headers: late, timeout: 150 })).rejects.toThrow();
  expect(await asker.ask(spend, { credits: 1 })).toEqual({ left: 0 });
  expect(handler).toHaveBeenCalledTimes(1);
  expect(await ledger.metrics.registry.metrics()).toContain('command="spend",outcome="expired"');
});

test("beyond what it can do at once it says so at once, and goes on with the rest", async () => {
  let let_go = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    let_go = resolve;
  });
  await using served = await serveCommands(
    ledger,
    [
      handle(spend, async () => {
        await gate;
        return { left: 1 };
      }),
    ],
    { concurrency: 4 },
  );
  const first = Array.from({ length: 4 }, () => asker.ask(spend, { credits: 1 }));
  await vi.waitFor(() => expect(served.running()).toBe(4));
  await expect(asker.ask(spend, { credits: 1 })).rejects.toMatchObject({ name: "Unavailable", mayHaveHappened: false });
  let_go();
  expect(await Promise.all(first)).toHaveLength(4);
  expect(await asker.ask(spend, { credits: 1 })).toEqual({ left: 1 });
});

test("ending waits for the commands at hand and takes no more", async () => {
  let ended = false;
  const served = await serveCommands(ledger, [
    handle(spend, async () => {
      await sleep(60);
      ended = true;
      return { left: 1 };
    }),
  ]);
  const asked = asker.ask(spend, { credits: 1 });
  await vi.waitFor(() => expect(served.running()).toBe(1));
  await served[Symbol.asyncDispose]();
  expect(ended).toBe(true);
  expect(await asked).toEqual({ left: 1 });
  await expect(asker.ask(spend, { credits: 1 })).rejects.toBeInstanceOf(Unavailable);
});

test("two replicas share the commands, and the NATS tools see both", async () => {
  await using second = await openTestService(defineConfig("credit-ledger", {}), { NATS_URL: server.url, OUTRIDER_REPLICA: "ledger-2" });
  const by = new Map<string, number>();
  const counting = (service: Service) =>
    serveCommands(service, [
      handle(spend, async () => {
        by.set(service.replica, (by.get(service.replica) ?? 0) + 1);
        return { left: 0 };
      }),
    ]);
  await using _one = await counting(ledger);
  await using _two = await counting(second);
  await Promise.all(Array.from({ length: 200 }, () => asker.ask(spend, { credits: 1 })));
  expect([...by.keys()].sort()).toEqual(["ledger-1", "ledger-2"]);
  expect([...by.values()].reduce((sum, count) => sum + count, 0)).toBe(200);

  const answers: unknown[] = [];
  for await (const answer of await asker.nats.requestMany("$SRV.STATS.credit-ledger", "", { maxWait: 500, maxMessages: 2 })) {
    answers.push(answer.json());
  }
  expect(answers).toHaveLength(2);
  expect(answers[0]).toMatchObject({ type: "io.nats.micro.v1.stats_response", name: "credit-ledger", endpoints: [{ name: "spend" }] });
});
