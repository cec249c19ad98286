import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type ContactEvent, type ContactRequest, contactCodec } from "@outrider/contracts/contact";
import { runCodec } from "@outrider/contracts/hunts";
import { type AccountId, accountId, adId, type ContactId, contactId, hashId, huntId, lineId, personId } from "@outrider/contracts/ids";
import { inboxCodec } from "@outrider/contracts/inbox";
import { type AccountEvent, accountCodec, accountPolicy } from "@outrider/contracts/registry";
import { lineLimits, smsCommands } from "@outrider/contracts/sms";
import { streams, subjects } from "@outrider/contracts/streams";
import { type Codec, ensureStream, headerLines, jetStreamStore, type Kernel } from "@outrider/eventing";
import { kernelOf, keyIds, openService, parseConfig, type Service } from "@outrider/platform";
import { type ControlClient, controlOf, type LogRow, startSmsMobileApi } from "@outrider/simulators";
import { throwAwayNats } from "@outrider/stack/testing";
import { expect } from "vitest";
import { definition, type SmsConfig } from "./config.ts";
import type { Sms } from "./context.ts";
import { openProviders } from "./providers/providers.ts";
import type { SmsProvider } from "./providers/sms-provider.ts";
import { openSender } from "./sender.ts";
import { type Neighbours, openNeighbours } from "./testing-neighbours.ts";

/** A working day, eleven o'clock in Paris. */
const noon = "2026-11-20T10:00:00.000Z";
export const main = lineId.parse("main");
export const webhookSecret = "signed-with-this";
const fast = { minGapMs: 0, jitterMs: 0, recipientsPerDay: null, recipientsPerMonth: null, spread: false };

/** How long and how often a test looks for what must come about. */
export const within = { timeout: 20_000, interval: 30 };

export const only = <T>(items: readonly T[]): T => {
  const [item] = items;
  if (item === undefined) throw new Error("one was made");
  return item;
};

/** Turns of an account's line that are given and not used up. */
export const openTurns = async ({ sms }: Pick<Opened, "sms">, account: AccountId): Promise<number> =>
  (await sms.lines.fold(subjects.smsLine(account, main))).state.open.size;

/** Someone who may be written to, as `World.people` made him. */
export interface Someone {
  readonly number: string;
  readonly contact: ContactId;
  readonly request: ContactRequest;
}

/** Someone whose message the provider has taken, and its id of it. */
export const accepted = async (world: World, account: AccountId): Promise<Someone & { readonly id: string }> => {
  const one = only(await world.people(account, 1));
  await world.request(account, one);
  // What the phone tells may overtake this look.
  await expect.poll(() => world.statusOf(account, one.contact), within).toMatch(/^(accepted|failed)$/);
  const [row] = await world.sends([one]);
  return { ...one, id: row?.id ?? "" };
};

/** The words that registry was told of someone. */
export const saidOf = ({ neighbours }: World, { request: { person } }: Someone): readonly string[] =>
  neighbours.said.filter((said) => said.person === person).map(({ what }) => what);

export interface Opened {
  readonly service: Service<SmsConfig>;
  readonly sms: Sms;
  readonly stop: () => Promise<void>;
}

/** Real NATS, the simulated provider, and stand-ins for the services around this one. */
export interface World extends AsyncDisposable {
  readonly nats: Awaited<ReturnType<typeof throwAwayNats>>;
  readonly service: Service<SmsConfig>;
  readonly kernel: Kernel;
  readonly simulator: ControlClient & { readonly url: string };
  readonly neighbours: Neighbours;
  readonly open: (replica: string, env?: Readonly<Record<string, string>>, through?: (real: SmsProvider) => SmsProvider) => Promise<Opened>;
  /** An account with a line that sends at once. */
  readonly account: (name: string, limits?: Partial<ReturnType<typeof lineLimits.parse>>) => Promise<AccountId>;
  readonly people: (account: AccountId, count: number, more?: Partial<ContactRequest>) => Promise<readonly Someone[]>;
  readonly page: (account: AccountId, run: string, people: readonly Someone[]) => Promise<void>;
  readonly request: (account: AccountId, one: Someone) => Promise<{ readonly outcome: string }>;
  readonly append: <Event>(stream: string, codec: Codec<Event>, subject: string, ...events: Event[]) => Promise<void>;
  readonly eventsOf: <Event>(stream: string, codec: Codec<Event>, subject: string) => Promise<readonly Event[]>;
  readonly contactEvents: (account: AccountId, contact: ContactId) => Promise<readonly ContactEvent[]>;
  readonly typesOf: (account: AccountId, one: Someone) => Promise<readonly string[]>;
  readonly statusOf: (account: AccountId, contact: ContactId) => Promise<string>;
  readonly statuses: (account: AccountId, people: readonly Someone[]) => Promise<ReadonlySet<string>>;
  /** What reached the provider for these numbers. */
  readonly sends: (people: readonly Someone[]) => Promise<readonly LogRow[]>;
  /** A webhook of the provider as the gateway would have stored it. */
  readonly webhook: (account: AccountId, headers: Readonly<Record<string, string>>, body: string) => Promise<void>;
  /** Lets the simulator's webhooks of one account come to INBOX. */
  readonly listenTo: (account: AccountId) => Promise<void>;
}

export const openWorld = async (env: Readonly<Record<string, string>> = {}): Promise<World> => {
  const [nats, running] = await Promise.all([throwAwayNats(), startSmsMobileApi({ seed: 3 })]);
  const simulator = { ...controlOf(running.url), url: running.url };
  const settings = {
    NATS_URL: nats.url,
    LOG_LEVEL: process.env["TEST_LOG_LEVEL"] ?? "silent",
    SMS_API_KEY_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
    SMSMOBILEAPI_URL: running.url,
    OUTRIDER_CLOCK_OFFSET_MS: String(Date.parse(noon) - Date.now()),
    POLL_PROVIDER_MS: "0",
    STATUS_AFTER_MS: "0",
    ...env,
  };
  const configured = (replica: string, more: Readonly<Record<string, string>> = {}): SmsConfig => {
    const parsed = parseConfig(definition, { ...settings, ...more, OUTRIDER_REPLICA: replica });
    if (!parsed.ok) throw new Error(parsed.problems.join("; "));
    return parsed.config;
  };
  const closing: (() => Promise<void>)[] = [];
  const service = await openService({ ...configured("world"), service: "gateway" }, { ownsProcess: false });
  const kernel = kernelOf(service);
  for (const declared of [streams.registry, streams.hunts, streams.inbox]) await ensureStream(service.jsm, declared);
  const append = appender(kernel);
  const neighbours = await openNeighbours(
    (replica, as) => openService({ ...configured(replica), service: as }, { ownsProcess: false }),
    append,
  );
  const eventsOf = async <Event>(stream: string, codec: Codec<Event>, subject: string): Promise<readonly Event[]> => {
    const store = jetStreamStore<Event>({ jsm: kernel.jsm, publisher: kernel.publisher, stream, codec });
    return (await store.tail(subject, 0)).flatMap(({ events }) => events);
  };
  const webhook: World["webhook"] = async (account, headers, body) => {
    const receivedAt = new Date().toISOString();
    const request = await service.keyring.seal(keyIds.inbox(receivedAt.slice(0, 10)), JSON.stringify({ headers, query: {}, body }));
    const event = { type: "WebhookReceived", data: { provider: "smsmobileapi", receivedAt, request } } as const;
    const lines = headerLines({ commandId: crypto.randomUUID(), at: receivedAt });
    await kernel.publisher.publish(subjects.inbox("smsmobileapi", account), inboxCodec.encode(receivedAt, [event]), lines);
  };
  const contactEvents: World["contactEvents"] = (account, contact) =>
    eventsOf(streams.sms.name, contactCodec, subjects.smsContact(account, contact));
  const statusOf: World["statusOf"] = async (account, contact) => {
    const { status, rule } = await service.ask(smsCommands.contact, { account, contact });
    return rule === undefined ? status : `${status}: ${rule}`;
  };
  const world: World = {
    ...{ nats, service, kernel, simulator, neighbours, append, eventsOf, webhook },
    open: async (replica, more = {}, through = (real) => real) => {
      const config = configured(replica, more);
      const opened = await openService(config, { ownsProcess: false, leaseTtlMs: 1500 });
      const { smsmobileapi } = openProviders(config);
      opened.onStop("provider", smsmobileapi.close);
      const stop = async () => opened[Symbol.asyncDispose]();
      closing.push(stop);
      return { service: opened, stop, sms: await openSender(opened, { smsmobileapi: through(smsmobileapi) }) };
    },
    account: async (name, limits = {}) => {
      const account = accountId.parse(name);
      const secret = await service.keyring.seal(keyIds.account(account), "secret");
      const created: AccountEvent = {
        type: "AccountCreated",
        data: { account, name, timeZone: "Europe/Paris", country: "FR", secret, policy: accountPolicy.parse({}) },
      };
      await append(streams.registry.name, accountCodec, subjects.account(account), created);
      const line = {
        account,
        line: main,
        provider: "smsmobileapi" as const,
        apiKey: `key-${name}`,
        webhookSecret,
        limits: lineLimits.parse({ ...fast, ...limits }),
      };
      await service.ask(smsCommands.connect, line, { timeoutMs: 10_000 });
      return account;
    },
    people: (account, count, more) => Promise.all(Array.from({ length: count }, () => someone(service, neighbours, account, more))),
    page: async (account, run, people) => {
      const rows = people.map(({ request: { run: _run, pass: _pass, reservation: _reservation, hunt, ad, ...rest } }) => ({
        ...rest,
        hunt: hunt ?? huntId.parse("hunt"),
        ad: ad ?? adId.parse("ad"),
      }));
      const page = { type: "PageAllocated", data: { pass: 1, page: 1, reservation: `pass-${run}`, rows } } as const;
      await append(streams.hunts.name, runCodec, subjects.run(account, run), page);
    },
    request: (account, { request }) => service.ask(smsCommands.request, { account, request }),
    contactEvents,
    typesOf: async (account, { contact }) => (await contactEvents(account, contact)).map(({ type }) => type),
    statusOf,
    statuses: async (account, people) => new Set(await Promise.all(people.map(({ contact }) => statusOf(account, contact)))),
    sends: async (people) => {
      const numbers = new Set(people.map(({ number }) => number));
      return (await Array.fromAsync(simulator.log())).filter(({ operation, to }) => operation === "sendsms" && numbers.has(to ?? ""));
    },
    listenTo: async (account) => {
      const { url, close } = await gatewayFor((headers, body) => webhook(account, headers, body));
      closing.push(close);
      await simulator.setWebhook({ apiKey: `key-${account}`, url, secret: webhookSecret });
    },
    [Symbol.asyncDispose]: async () => {
      for (const close of closing.toReversed()) await close();
      await neighbours.stop();
      await service[Symbol.asyncDispose]();
      await running.stop();
      await nats.stop();
    },
  };
  return world;
};

/** Appends to whatever is there. */
const appender =
  ({ jsm, publisher }: Kernel): World["append"] =>
  async <Event>(stream: string, codec: Codec<Event>, subject: string, ...events: Event[]) => {
    const store = jetStreamStore<Event>({ jsm, publisher, stream, codec });
    for (let expected = 0; ; ) {
      const id = crypto.randomUUID();
      const append = { commandId: id, executionId: id, at: noon, events, expected, closing: 0 };
      const appended = await store.append(subject, append, performance.now() + 10_000);
      if (appended.kind === "appended") return;
      expected = appended.found;
    }
  };

let made = 0;
const someone = async (service: Service<SmsConfig>, neighbours: Neighbours, account: AccountId, more: Partial<ContactRequest> = {}) => {
  const number = `+3363998${String(++made).padStart(4, "0")}`;
  const person = personId.parse(hashId("person", account, number));
  const contact = contactId.parse(hashId("contact", account, number));
  const keyId = keyIds.person(account, person);
  const [sealedNumber, text] = await service.keyring.sealMany([
    { keyId, plain: number },
    { keyId, plain: `Bonjour ${made}, votre voiture est-elle toujours à vendre ?` },
  ]);
  if (sealedNumber === undefined || text === undefined) throw new Error("two values were sealed");
  neighbours.numbers.set(person, { number: sealedNumber, plain: number });
  const request: ContactRequest = {
    ...{ contact, person, channel: "sms", line: main, step: 1, text },
    ...{ purpose: "prospecting", legalBasis: "consent", noCanvassing: false, ownerType: "private" },
    ...{ reservation: `ask-${made}`, credits: 1 },
    ...more,
  };
  return { number, contact, request };
};

/** Takes what the simulator posts, as the gateway would. */
const gatewayFor = async (store: (headers: Readonly<Record<string, string>>, body: string) => Promise<void>) => {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      store(headers, Buffer.concat(chunks).toString()).then(
        () => response.writeHead(202).end(),
        () => response.writeHead(503).end(),
      );
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, close };
};
