import { serviceNames } from "@outrider/contracts/commands";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { projectorCommands } from "@outrider/contracts/projector";
import { eventually, importFile, openTenant, openWorld, rowsOf, runPass, type Tenant, untilImported, type World } from "../world.ts";
import type { Bench, Sizes, Table } from "./bench.ts";
import { countMessages, type Traffic } from "./nats-traffic.ts";
import { type Cost, countCosts, totalCpuMs, untilQuiet } from "./processes.ts";
import { rounded } from "./rounds.ts";

/** Numbers reserved for fiction in France: more contacts than that need another account. */
const mostPerAccount = 10_000;
const goalPerSecond = 1000;
const goalPeakMb = 150;
const long = { contacts: 100_000, accounts: 10, goal: 0.9 } as const;
const passMs = 900_000;
const quietMs = 120_000;
/** A profiler wakes its process so often that it is never quiet. */
const profiledQuietMs = 10_000;

interface Ran {
  readonly contacts: number;
  readonly accounts: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** From the start of the pass until nothing worked on anything any more: the read models have followed. */
  readonly quietSeconds: number;
  readonly costs: readonly Cost[];
  /** By process, messages to and from the NATS server; undefined when it is somebody else's. */
  readonly traffic: ReadonlyMap<string, Traffic> | undefined;
}

/** Opens the accounts one after another, each with its own file of ads, imported before the clock starts. */
const prepared = async (world: World, contacts: number, accounts: number): Promise<readonly Tenant[]> => {
  const each = Math.ceil(contacts / accounts);
  if (each > mostPerAccount) throw new TypeError(`an account has at most ${mostPerAccount} numbers for fiction: ask for more --accounts`);
  const tenants: Tenant[] = [];
  for (let index = 1; index <= accounts; index++) {
    const tenant = await openTenant(world, { name: `bench-${index}`, credits: 10 * contacts });
    const rows = Math.min(each, contacts - (index - 1) * each);
    await untilImported(world, tenant.account, await importFile(world, tenant.account, rowsOf(rows)), passMs);
    tenants.push(tenant);
  }
  return tenants;
};

/** All passes at once; resolves with what was allocated when the ledger has captured all of it. */
const captured = async (world: World, tenants: readonly Tenant[]): Promise<number> => {
  const allocated = await Promise.all(
    tenants.map(async ({ account }) => {
      const pass = await runPass(world, account, passMs);
      await eventually(
        "all contacts are captured",
        async () => {
          const { captured: paid, held } = await world.ask(ledgerCommands.balance, { account });
          return held === 0 && paid >= pass.allocated ? paid : undefined;
        },
        passMs,
      );
      return pass.allocated;
    }),
  );
  return allocated.reduce((sum, one) => sum + one, 0);
};

/** Every view has folded what its stream holds now. */
const untilProjected = async (world: World): Promise<void> => {
  const { views } = await world.ask(projectorCommands.views, {}, { timeoutMs: 15_000 });
  const ends = new Map<string, number>();
  for (const { stream } of views) {
    if (!ends.has(stream)) ends.set(stream, (await world.kernel.jsm.streams.info(stream)).state.last_seq);
  }
  await eventually(
    "the read models have followed",
    async () => {
      const now = await world.ask(projectorCommands.views, {}, { timeoutMs: 15_000 });
      if (now.views.every(({ stream, seq }) => seq >= (ends.get(stream) ?? 0))) return true;
      await new Promise((resume) => setTimeout(resume, 500)); // each look costs what is measured
      return undefined;
    },
    passMs,
  );
};

type Around = Pick<Sizes, "without" | "profile">;

const ran = async (contacts: number, accounts: number, { without, profile }: Around, tell: (text: string) => void): Promise<Ran> => {
  const services = serviceNames.filter((name) => !without.includes(name));
  const env = { DEFER_AT_MOST: "0", POLL_PROVIDER_MS: "0", ...(profile === undefined ? {} : profiled(profile)) };
  await using world = await openWorld({ services, env });
  await world.sim.setFaults({ latencyMs: 0, latencyJitterMs: 0, webhooks: false });
  const { processes } = world.outrider;
  tell(`importing ${contacts} ads`);
  const tenants = await prepared(world, contacts, accounts);
  const quiet = async (): Promise<void> => {
    if (services.includes("projector")) await untilProjected(world);
    await untilQuiet(processes, profile === undefined ? quietMs : profiledQuietMs);
  };
  await quiet();
  tell(`${contacts} contacts, ${accounts} account${accounts === 1 ? "" : "s"}`);
  const traffic = await countMessages(world.outrider.urls.natsMonitor);
  const costs = countCosts(processes);
  const began = performance.now();
  const allocated = await captured(world, tenants);
  const seconds = (performance.now() - began) / 1000;
  tell(`captured after ${seconds.toFixed(1)} s: ${Math.round(allocated / seconds)}/s`);
  if (allocated !== contacts) throw new Error(`${allocated} contacts were allocated, not ${contacts}`);
  await quiet();
  const quietSeconds = (performance.now() - began) / 1000 - 2;
  const { fates } = await world.sim.stats();
  if (fates.accepted !== contacts) throw new Error(`the provider took ${fates.accepted} messages, not ${contacts}`);
  return { contacts, accounts, seconds, perSecond: contacts / seconds, quietSeconds, costs: costs(), traffic: await traffic() };
};

/** Profiling costs a few percent, and the nursery stays as small as it is otherwise. */
const profiled = (dir: string) => ({ NODE_OPTIONS: `--max-semi-space-size=8 --cpu-prof --cpu-prof-dir=${dir} --cpu-prof-interval=500` });

const figuresOf = ({ contacts, accounts, seconds, perSecond, quietSeconds, costs, traffic }: Ran) => ({
  ...{ contacts, accounts, seconds: rounded(seconds, 2), perSecond: Math.round(perSecond), quietSeconds: rounded(quietSeconds, 2) },
  cpuMsPerContact: perContact(totalCpuMs(costs), contacts),
  processes: costs.map(({ name, cpuMs, peakRssMb }) => ({
    name,
    cpuSeconds: cpuMs === undefined ? undefined : rounded(cpuMs / 1000, 2),
    cpuMsPerContact: perContact(cpuMs, contacts),
    peakRssMb,
    natsMessagesPerContact: messagesOf(traffic?.get(name), contacts),
  })),
});

const perContact = (cpuMs: number | undefined, contacts: number): number | undefined =>
  cpuMs === undefined ? undefined : rounded(cpuMs / contacts);

const messagesOf = (traffic: Traffic | undefined, contacts: number) =>
  traffic === undefined ? undefined : { sent: rounded(traffic.sent / contacts, 2), received: rounded(traffic.received / contacts, 2) };

const tableOf = (run: Ran): Table => {
  const { contacts, accounts, seconds, perSecond, quietSeconds, costs, traffic } = run;
  const total = totalCpuMs(costs);
  return {
    title:
      `${contacts} contacts of ${accounts} account${accounts === 1 ? "" : "s"}: ${seconds.toFixed(2)} s from pass start to captured, ` +
      `${Math.round(perSecond)} contacts/s; read models and all else quiet after ${quietSeconds.toFixed(1)} s`,
    head: ["process", "CPU s", "CPU ms a contact", "peak MB", "to NATS a contact", "from NATS"],
    rows: [
      ...costs.map(({ name, cpuMs, peakRssMb }) => [
        name,
        cpuMs === undefined ? undefined : cpuMs / 1000,
        cpuMs === undefined ? undefined : cpuMs / contacts,
        peakRssMb,
        messagesOf(traffic?.get(name), contacts)?.sent,
        messagesOf(traffic?.get(name), contacts)?.received,
      ]),
      [
        "all",
        total === undefined ? undefined : total / 1000,
        total === undefined ? undefined : total / contacts,
        undefined,
        undefined,
        undefined,
      ],
    ],
  };
};

const notesOf = ({ perSecond, costs }: Ran): readonly string[] => {
  const large = costs.filter(({ name, peakRssMb = 0 }) => serviceNames.some((one) => name.startsWith(one)) && peakRssMb >= goalPeakMb);
  return [
    `rate: ${Math.round(perSecond)} contacts/s (goal ≥ ${goalPerSecond} on 2 idle cores: ${perSecond >= goalPerSecond ? "reached" : "missed"})`,
    `memory: ${large.length === 0 ? `every service under ${goalPeakMb} MB` : `${large.map(({ name }) => name).join(", ")} at or over ${goalPeakMb} MB`}`,
    "simulator at zero latency, no webhooks; line without gap or limit",
  ];
};

export const pipeline: Bench = {
  name: "pipeline",
  about: "contacts from pass start to captured, all services as processes: rate, CPU and memory of each",
  run: async ({ contacts, accounts, long: asksLong, ...around }, tell) => {
    const run = await ran(contacts, accounts, around, tell);
    if (!asksLong) return { figures: figuresOf(run), tables: [tableOf(run)], notes: notesOf(run) };
    const longRun = await ran(long.contacts, long.accounts, around, tell);
    const ratio = rounded(longRun.perSecond / run.perSecond);
    return {
      figures: { ...figuresOf(run), long: { ...figuresOf(longRun), ratio } },
      tables: [tableOf(run), tableOf(longRun)],
      notes: [...notesOf(run), `${long.contacts} / ${contacts}: ${ratio.toFixed(2)} of the rate (goal ≥ ${long.goal})`],
    };
  },
};
