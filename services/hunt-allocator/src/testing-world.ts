import { offerToBuyNotice } from "@outrider/contact-policy";
import { type Ad, type AdEvent, adCodec } from "@outrider/contracts/ads";
import { type Allocation, huntCommands, type RunEvent, runCodec } from "@outrider/contracts/hunts";
import { type AccountId, accountId, adIdOf, hashId, huntId, type PersonId, personId, type RunId } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { type AccountEvent, accountCodec, accountPolicy } from "@outrider/contracts/registry";
import { smsCommands } from "@outrider/contracts/sms";
import { streams, subjects } from "@outrider/contracts/streams";
import { type Codec, ensureStream, jetStreamStore, type Kernel } from "@outrider/eventing";
import { handle, kernelOf, keyIds, openService, parseConfig, Refusal, type Service, serveCommands } from "@outrider/platform";
import { testMongo, throwAwayNats } from "@outrider/stack/testing";
import { type Allocator, openAllocator } from "./allocator.ts";
import { type AllocatorConfig, definition } from "./config.ts";
import { huntDefinitionOf, line } from "./testing-definitions.ts";

/** A working day, half past ten in Paris. */
export const noon = "2026-11-25T09:30:00.000Z";
export const today = "2026-11-25";

/** What the fake ledger holds and has been asked; the fake sender's line. */
export interface Neighbours {
  available: number;
  readonly reservations: Map<string, number>;
  /** The rule by which every hold is refused. */
  refuses?: string | undefined;
  /** Called between a hold and the answer that tells of it. */
  onReserved?: (() => void) | undefined;
  leftToday: number | null;
  perDay: number | null;
}

export interface World extends AsyncDisposable {
  readonly service: Service<AllocatorConfig>;
  /** What a process of this service would be started with. */
  readonly env: Readonly<Record<string, string>>;
  readonly neighbours: Neighbours;
  readonly open: (replica: string) => Promise<Service<AllocatorConfig> & { readonly allocator: Allocator }>;
  readonly append: <Event>(stream: string, codec: Codec<Event>, subject: string, ...events: Event[]) => Promise<number>;
  /** The same, decided at another time. */
  readonly appendAt: (at: string) => World["append"];
  readonly createAccount: (account: AccountId, policy?: object) => Promise<void>;
  readonly listAds: (account: AccountId, ads: readonly Partial<Ad>[]) => Promise<readonly Ad[]>;
  /** The events of a run, in order. */
  readonly eventsOf: (account: AccountId, run: RunId) => Promise<readonly RunEvent[]>;
  readonly rowsOf: (account: AccountId, run: RunId) => Promise<readonly Allocation[]>;
}

/** Real servers, a fake ledger and a fake sender: what this service needs around it. */
export const openWorld = async (env: Readonly<Record<string, string>> = {}): Promise<World> => {
  const [nats, mongo] = await Promise.all([throwAwayNats(), testMongo()]);
  const settings = {
    NATS_URL: nats.url,
    MONGODB_URL: mongo.url,
    MONGODB_DATABASE: mongo.database.slice(0, 38),
    LOG_LEVEL: "silent",
    OUTRIDER_CLOCK_OFFSET_MS: String(Date.parse(noon) - Date.now()),
    PASS_TAKEOVER_MS: "2000",
    ...env,
  };
  const configured = (replica: string): AllocatorConfig => {
    const parsed = parseConfig(definition, { ...settings, OUTRIDER_REPLICA: replica });
    if (!parsed.ok) throw new Error(parsed.problems.join("; "));
    return parsed.config;
  };
  const opened: AsyncDisposable[] = [];
  const service = await openService(configured("world"), { ownsProcess: false });
  const kernel = kernelOf(service);
  for (const declared of [streams.registry, streams.ads, streams.sms]) await ensureStream(service.jsm, declared);
  const neighbours = await openNeighbours(configured, opened);
  const append = appender(kernel, service.clock.now);
  const eventsOf = async (account: AccountId, run: RunId): Promise<readonly RunEvent[]> => {
    const { jsm, publisher } = kernel;
    const store = jetStreamStore<RunEvent>({ jsm, publisher, stream: streams.hunts.name, codec: runCodec });
    return (await store.tail(subjects.run(account, run), 0)).flatMap(({ events }) => events);
  };
  return {
    service,
    env: settings,
    neighbours,
    append,
    appendAt: (at) => appender(kernel, () => at),
    open: async (replica) => {
      const one = await openService(configured(replica), { ownsProcess: false, leaseTtlMs: 1500 });
      opened.push(one);
      return { ...one, allocator: await openAllocator(one) };
    },
    createAccount: async (account, policy = {}) => {
      const secret = await service.keyring.seal(keyIds.account(account), "secret");
      const created: AccountEvent = {
        type: "AccountCreated",
        data: { account, name: "Garage Martin", timeZone: "Europe/Paris", country: "FR", secret, policy: accountPolicy.parse(policy) },
      };
      const confirmed: AccountEvent = { type: "OfferToBuyConfirmed", data: { by: "owner", at: noon, notice: offerToBuyNotice } };
      const credentials = await service.keyring.seal(keyIds.account(account), "key");
      const connected: AccountEvent = { type: "ProviderConnected", data: { provider: "smsmobileapi", line, credentials } };
      await append(streams.registry.name, accountCodec, subjects.account(account), created, confirmed, connected);
    },
    listAds: async (account, some) => {
      const ads = await Promise.all(some.map((each, index) => adOf(service, account, index, each)));
      const events = ads.map((ad): AdEvent => ({ type: "AdListed", data: { ad, seenAt: noon } }));
      await Promise.all(events.map((event) => append(streams.ads.name, adCodec, subjects.ad(account, event.data.ad.ad), event)));
      return ads;
    },
    eventsOf,
    rowsOf: async (account, run) =>
      (await eventsOf(account, run)).flatMap((event) => (event.type === "PageAllocated" ? event.data.rows : [])),
    [Symbol.asyncDispose]: async () => {
      for (const one of [...opened.toReversed(), service]) await one[Symbol.asyncDispose]();
      await nats.stop();
    },
  };
};

const appender = (kernel: Kernel, now: () => string): World["append"] => {
  return async <Event>(stream: string, codec: Codec<Event>, subject: string, ...events: Event[]) => {
    const store = jetStreamStore({ jsm: kernel.jsm, publisher: kernel.publisher, stream, codec });
    const id = crypto.randomUUID();
    const append = { commandId: id, executionId: id, at: now(), events, expected: 0, closing: 0 };
    const appended = await store.append(subject, append, performance.now() + 10_000);
    if (appended.kind === "conflict") throw new Error(`${subject} is there already, at ${appended.found}`);
    return appended.revision;
  };
};

const openNeighbours = async (configured: (replica: string) => AllocatorConfig, opened: AsyncDisposable[]): Promise<Neighbours> => {
  const neighbours: Neighbours = { available: 10_000, reservations: new Map(), leftToday: null, perDay: null };
  const ledger = await openService({ ...configured("ledger"), service: "credit-ledger" }, { ownsProcess: false });
  const sender = await openService({ ...configured("sender"), service: "sms-sender" }, { ownsProcess: false });
  opened.push(ledger, sender);
  await serveCommands(ledger, [
    handle(ledgerCommands.balance, async () => ({
      ...{ granted: 0, expired: 0, captured: 0, released: 0, refunded: 0, held: 0, available: neighbours.available },
      positions: {},
      revision: 1,
    })),
    handle(ledgerCommands.reserve, async ({ account, reservation: id, most }) => {
      if (neighbours.refuses !== undefined) throw new Refusal("refused", "no hold is given", neighbours.refuses);
      const reservation = `${account} ${id}`;
      const credits = neighbours.reservations.get(reservation) ?? Math.min(most, neighbours.available);
      if (credits === 0) throw new Refusal("refused", "nothing is left", "no-credits");
      if (!neighbours.reservations.has(reservation)) neighbours.available -= credits;
      neighbours.reservations.set(reservation, credits);
      neighbours.onReserved?.();
      return { reservation: id, credits };
    }),
  ]);
  await serveCommands(sender, [
    handle(smsCommands.line, async ({ line: asked }) => ({
      ...{ exists: asked === line, paused: false, leftToday: neighbours.leftToday, revision: 1 },
      limits: { minGapMs: 0, jitterMs: 0, recipientsPerDay: neighbours.perDay, recipientsPerMonth: null, spread: false },
    })),
  ]);
  return neighbours;
};

export const personOf = (index: number): PersonId => personId.parse(hashId("person", index));

/** One ad a minute, the first the newest; each of a person of its own. */
const adOf = async ({ keyring }: Service<AllocatorConfig>, account: AccountId, index: number, more: Partial<Ad>): Promise<Ad> => {
  const person = more.person ?? personOf(index);
  const sourceId = more.sourceId ?? String(index);
  return {
    ad: adIdOf(account, "lobstr", sourceId),
    ...{ source: "lobstr", sourceId, person, title: `Peugeot 208 n° ${index}`, make: "Peugeot", price: 5000 + index },
    facts: { country: "FR", lineType: "mobile", zones: ["Europe/Paris"], fiction: true },
    ownerName: await keyring.seal(keyIds.person(account, person), `Owner ${index}`),
    ...{ ownerType: "private", noCanvassing: false, digest: "d" },
    publishedAt: new Date(Date.parse(noon) - index * 60_000).toISOString(),
    ...more,
  };
};

export const createHunt = (world: World, account: AccountId, id: string, more: object = {}) =>
  world.service.ask(huntCommands.createHunt, {
    account,
    hunt: huntId.parse(id),
    activate: true,
    definition: huntDefinitionOf(id, more),
  });

export const newAccount = (name: string): AccountId => accountId.parse(name);

/** Starts a pass by hand and waits for its end; `hunts` are the tallies of the whole day. */
export const passOf = async (world: World, account: AccountId, deadlineMs = 30_000) => {
  const started = await world.service.ask(huntCommands.startPass, { account, by: "hand" }, { timeoutMs: 10_000 });
  return { ...started, ...(await closed(world, account, started.run, started.pass, deadlineMs)) };
};

export const closed = async (world: World, account: AccountId, run: RunId, pass: number, deadlineMs = 30_000) => {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const { passes, hunts } = await world.service.ask(huntCommands.run, { account, run });
    const found = passes.find((each) => each.pass === pass);
    if (found?.open === false) return { ...found, hunts };
    if (performance.now() > deadline) throw new Error(`pass ${pass} is not closed within ${deadlineMs} ms: ${JSON.stringify(found)}`);
    await new Promise((resume) => setTimeout(resume, 20));
  }
};
