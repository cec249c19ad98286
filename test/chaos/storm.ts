import { huntCommands } from "@outrider/contracts/hunts";
import { hashId } from "@outrider/contracts/ids";
import { eventually, type Tenant, type TenantOptions } from "../world.ts";
import { type Arena, importOwners, openArena, openHeardTenant } from "./arena.ts";
import { pause } from "./blows.ts";
import { type Blow, type Lane, pauseLane, peopleLane, processLane, providerLane, serverLane } from "./lanes.ts";
import { reportOf, unfinished } from "./report.ts";
import { type Problem, untilAllHolds } from "./verdict.ts";

export interface StormOptions {
  readonly seed: number;
  /** Owners whose ads are imported, over three accounts. */
  readonly contacts: number;
  /** The blows go on until the run has ended, at least so long and at most so long. */
  readonly leastMs: number;
  readonly mostMs: number;
  /** Between two blows at the servers, at most. */
  readonly serversEveryMs: number;
  /** Senders are killed too, and unknown attempts must have been reconciled at the end: a minute or two more. */
  readonly reconciled: boolean;
  readonly tell?: (line: string) => void;
}

export interface StormResult {
  /** Undefined when everything holds. */
  readonly failure: string | undefined;
  readonly blows: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
}

/** What is done first: to senders that have attempts in hand. */
const atTheSender: readonly Blow[] = [
  { service: "sms-sender", replica: 1, how: "kill" },
  { service: "sms-sender", replica: 2, how: "ack wait" },
];

/** A run over three accounts while everything around it breaks; then calm, and the reckoning. */
export const storm = async (options: StormOptions): Promise<StormResult> => {
  const { seed, tell } = options;
  const perSecond = options.contacts > 1000 ? 16 : 4;
  await using arena = await openArena({
    env: { ATTEMPTS_AT_ONCE: String(perSecond), SIM_SEED: String(seed) },
    ...(tell === undefined ? {} : { tell }),
  });
  const { world, log, blows, chronicle } = arena;
  log.note(`the provider decides by seed ${(await world.sim.stats()).seed}`);
  await world.sim.setReplies({ share: 0.1, texts: ["STOP", "Oui", "Arrêtez"], delayMs: 500 });
  const tenants = await Promise.all(plansOf(options).map((plan) => openHeardTenant(world, plan)));
  const counts = plansOf(options).map(({ owners }) => owners);
  const lanes = lanesOf(options, tenants, Math.max(...counts));
  const calm = new AbortController();
  const struck = [...lanes.map((lane) => lane(arena, calm.signal))];
  const failed = Promise.all(struck).then(() => new Promise<never>(() => undefined));
  try {
    const runs = Promise.all(tenants.map((tenant, index) => runOf(arena, tenant, counts[index] ?? 0, options)));
    await Promise.race([Promise.all([runs, pause(options.leastMs)]), pause(options.mostMs), failed]);
    calm.abort();
    await Promise.all(struck);
    await blows.lift();
    await runs;
    await calmPasses(arena, tenants);
  } catch (error) {
    calm.abort();
    const problems: Problem[] = [
      { what: error instanceof Error ? `${error.message}${causeOf(error)}` : String(error) },
      ...unfinished(chronicle),
    ];
    return { failure: await reportOf(world, seed, log, problems), blows: log.lines, figures: {} };
  }
  log.note("the run is over; waiting until all has settled");
  const problems = await untilAllHolds(
    { world, chronicle, tenants, reconciled: options.reconciled },
    options.reconciled ? 180_000 : 120_000,
  );
  log.note("the reckoning is made");
  const figures = figuresOf(arena);
  return { failure: problems.length === 0 ? undefined : await reportOf(world, seed, log, problems), blows: log.lines, figures };
};

const causeOf = ({ cause }: Error): string => (cause instanceof Error ? `: ${cause.message}` : "");

type Plan = TenantOptions & { readonly owners: number };

/** One fast account with credits to spare, one whose line paces, and one that has too few credits. Hunts share their owners. */
const plansOf = ({ contacts, seed }: StormOptions): readonly Plan[] => {
  const hunts = [{ priority: 9 }, { priority: 3, criteria: { text: "peugeot", owner: "any", maxAgeDays: 36_500 } }] as const;
  const owners = [0.5, 0.3, 0.2].map((share) => Math.max(4, Math.floor(contacts * share)));
  const [fast = 0, paced = 0, poor = 0] = owners;
  return [
    { name: `fast-${seed}`, credits: fast * 2, hunts, owners: fast },
    { name: `paced-${seed}`, credits: paced * 2, hunts, owners: paced, limits: { minGapMs: 20, jitterMs: 20 } },
    { name: `poor-${seed}`, credits: Math.ceil(poor * 0.8), hunts, owners: poor },
  ];
};

const lanesOf = (
  { seed, serversEveryMs, reconciled: killsSenders }: StormOptions,
  tenants: readonly Tenant[],
  owners: number,
): readonly Lane[] => {
  const [fast, paced] = tenants;
  if (fast === undefined || paced === undefined) throw new Error("a storm has accounts");
  return [
    providerLane(seed),
    processLane({ seed, killsSenders, lane: 0, first: killsSenders ? atTheSender : atTheSender.slice(1) }),
    processLane({ seed, killsSenders, lane: 1 }),
    serverLane(seed, serversEveryMs),
    peopleLane(seed, tenants, owners),
    pauseLane(seed, paced),
  ];
};

/** Two imports and two passes; the second pass starts while messages of the first are still on their way. */
const runOf = async (arena: Arena, { account }: Tenant, owners: number, { seed }: StormOptions): Promise<void> => {
  const first = Math.ceil(owners * 0.6);
  const patient = 240_000;
  const part = (from: number, count: number, source = "made") =>
    eventually(`ads from ${from} of ${account} are imported`, () => importOwners(arena.world, account, count, { from, source }), patient);
  await part(0, first);
  await passOf(arena, account, `${seed}-1`);
  // Some of the first owners with other ads, and those who are new.
  await part(0, Math.ceil(first / 5), "again");
  await part(first, owners - first);
  await passOf(arena, account, `${seed}-2`);
};

/** Starts a pass, however often it has to be asked, and waits until it is closed. */
const passOf = async ({ world, chronicle, log }: Arena, account: Tenant["account"], name: string): Promise<void> => {
  const command = { account, by: "hand" } as const;
  const options = { commandId: hashId("chaos-pass", account, name), timeoutMs: 10_000 };
  const started = await eventually(`pass ${name} of ${account} starts`, () => world.ask(huntCommands.startPass, command, options), 120_000);
  log.note(`pass ${started.pass} of ${account} is open`);
  const key = `${account} ${started.run} ${started.pass}`;
  await eventually(
    `pass ${name} of ${account} closes`,
    async () => {
      await chronicle.upToNow();
      return chronicle.open.has(key) ? undefined : true;
    },
    180_000,
  );
  log.note(`pass ${started.pass} of ${account} is closed`);
};

/** After the storm: what was gated may be asked again, and nobody who was reached is. */
const calmPasses = async (arena: Arena, tenants: readonly Tenant[]): Promise<void> => {
  await untilEnded(arena, "every contact has ended");
  for (const { account } of tenants) await passOf(arena, account, "calm");
  await untilEnded(arena, "every contact of the calm passes has ended");
};

/** An attempt whose process was killed is looked at a minute after its end; nothing that is under way counts as ended. */
const untilEnded = (arena: Arena, what: string): Promise<true> =>
  eventually(
    what,
    async () => {
      await arena.chronicle.upToNow();
      return unfinished(arena.chronicle).length === 0 ? true : undefined;
    },
    180_000,
  );

const figuresOf = ({ chronicle }: Arena): Readonly<Record<string, number>> => {
  const figures: Record<string, number> = { allocated: chronicle.allocated.size, contacts: chronicle.contacts.size };
  for (const { status } of chronicle.contacts.values()) figures[status] = (figures[status] ?? 0) + 1;
  return figures;
};
