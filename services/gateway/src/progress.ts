import { contactStatus } from "@outrider/contracts/documents";
import { type Channel, channel } from "@outrider/contracts/fields";
import type { huntProgress } from "@outrider/contracts/hunts";
import { type AccountId, huntId, runId } from "@outrider/contracts/ids";
import { unreachable } from "@outrider/eventing";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import { limits } from "./config.ts";
import type { ReadModels, Tally } from "./read-models.ts";

const count = z.int().min(0);
const byRule = z.record(z.string(), z.int());

/** What became of contacts. requested + attempting + accepted + rejected + unknown + all gated = contacts made. */
export const contactCounts = z.object({
  requested: count.describe("wait for their turn, or for a lawful moment"),
  attempting: count,
  accepted: count.describe("taken by the provider; those sent, delivered or failed since are among them"),
  rejected: count,
  unknown: count.describe("the request may have left and no answer came"),
  gated: byRule.describe("not sent, by rule"),
  sent: count,
  delivered: count,
  failed: count.describe("accepted, and then could not be sent"),
  replied: count,
  optedOut: count,
});
type Counts = z.output<typeof contactCounts>;
const tallied = { found: count, skipped: byRule, allocated: count };
const channels = z
  .array(z.object({ channel, allocated: count, byStatus: contactCounts }))
  .describe("found and skipped are counted before a channel is chosen, so they belong to hunts alone");
export const progressShape = z.object({
  ...tallied,
  byStatus: contactCounts,
  channels,
  hunts: z.array(z.object({ hunt: huntId, ...tallied, error: z.string().optional(), byStatus: contactCounts, channels })),
});
const pass = z.object({
  pass: z.int(),
  open: z.boolean(),
  ...tallied,
  reserved: count,
  rest: count,
});
export const runShape = z.object({
  run: runId,
  settled: z.boolean().describe("no pass is open and every contact has ended"),
  passes: z.array(pass),
  progress: progressShape,
  seq: z.int(),
});
export type RunShape = z.output<typeof runShape>;
/** As the allocator answers it. */
interface Run extends Omit<RunShape, "settled" | "progress"> {
  readonly hunts: readonly HuntProgress[];
}
type HuntProgress = z.output<typeof huntProgress>;

export interface Progress {
  /** What a run has come to: the passes as the allocator tells them, the contacts as the read model counts them. */
  readonly of: (account: AccountId, run: Run) => Promise<RunShape>;
}

/** Counting a large run takes its time, so all who watch it share one count, and counting never takes more than a fifth of the time. */
export const progressIn = (models: Pick<ReadModels, "tally" | "tallyEach">): Progress => {
  const now = (account: AccountId, run: string): Promise<Tally[]> =>
    models.tally("contacts", account, { run }, ["hunt", "channel", "status", "rule", "replies", "stopped"]);
  const earlier = (account: AccountId, run: string): Promise<Tally[]> =>
    models.tallyEach("contacts", account, "earlier", { "earlier.run": run }, ["hunt", "channel", "earlier.rule"]);
  const known = shared(now);
  const whole = shared(async (account, run) => {
    // In this order: who is asked for anew in between is counted in neither, and a moment later; never in both.
    const before = await earlier(account, run);
    return [...(await now(account, run)), ...before.map(asGated)];
  });
  return {
    of: async (account, run) => {
      const first = joinedWith(run, await known(account, run.run));
      return mayBeAskedAnew(first) ? joinedWith(run, await whole(account, run.run)) : first;
    },
  };
};

type Count = (account: AccountId, run: string) => Promise<Tally[]>;

const shared = (count: Count): Count => {
  const counts = new LRUCache<string, Promise<Tally[]>>({ max: limits.runsWatched, ttl: limits.progressEveryMs, ttlResolution: 10 });
  return (account, run) => {
    const key = `${account}.${run}`;
    const known = counts.get(key);
    if (known !== undefined) return known;
    const began = performance.now();
    const counting = count(account, run);
    // Until it is there it stays, however long it takes.
    counts.set(key, counting, { ttl: Number.MAX_SAFE_INTEGER });
    counting.then(
      () => counts.set(key, counting, { ttl: Math.max(limits.countFreshMs, 4 * (performance.now() - began)) }),
      () => counts.delete(key),
    );
    return counting;
  };
};

/** Whether contacts that this run has allocated seem to be missing: they may have been asked for anew since, and then are another asking's. */
const mayBeAskedAnew = ({ passes, progress: { byStatus, allocated } }: RunShape): boolean =>
  made(byStatus) < allocated &&
  (passes.length > 1 || (passes.every(({ open }) => !open) && byStatus.requested + byStatus.attempting === 0));

const asGated = ({ by: { hunt, channel, "earlier.rule": rule }, count }: Tally): Tally => ({
  by: { hunt, channel, status: "gated", rule, replies: 0, stopped: false },
  count,
});

/** What became of some contacts: all of them, and by channel. */
interface Counted {
  readonly all: Counts;
  readonly channels: Map<Channel, Counts>;
}

const joinedWith = ({ run, passes, hunts: byHunt, seq }: Run, tallies: readonly Tally[]): RunShape => {
  const whole = counted();
  const hunts = new Map<string, Counted>();
  for (const { by, count } of tallies) {
    addTo(whole, by, count);
    if (typeof by["hunt"] === "string") addTo(known(hunts, by["hunt"], counted), by, count);
  }
  const progress = {
    ...tallyOf(passes),
    byStatus: whole.all,
    channels: channelsOf(byHunt, whole),
    hunts: byHunt.map((tally) => {
      const of = hunts.get(tally.hunt) ?? counted();
      return { ...tally, byStatus: of.all, channels: channelsOf([tally], of) };
    }),
  };
  const settled =
    passes.every(({ open }) => !open) && made(whole.all) >= progress.allocated && whole.all.requested + whole.all.attempting === 0;
  return { run, settled, passes, progress, seq };
};

const counted = (): Counted => ({ all: none(), channels: new Map() });

const known = <Key, Value>(all: Map<Key, Value>, key: Key, make: () => Value): Value => {
  const found = all.get(key) ?? make();
  all.set(key, found);
  return found;
};

const addTo = ({ all, channels: each }: Counted, by: Tally["by"], count: number): void => {
  for (const counts of [all, known(each, channel.parse(by["channel"]), none)]) {
    addStatus(counts, by, count);
    if (by["replies"] !== 0) counts.replied += count;
    if (by["stopped"] === true) counts.optedOut += count;
  }
};

/** By channel: what passes gave to it, and what became of that. In the order in which channels are declared. */
const channelsOf = (hunts: readonly Pick<HuntProgress, "channels">[], { channels: each }: Counted) =>
  channel.options.flatMap((name) => {
    const allocated = hunts.reduce((total, { channels: given }) => total + (given[name] ?? 0), 0);
    const byStatus = each.get(name);
    return allocated === 0 && byStatus === undefined ? [] : [{ channel: name, allocated, byStatus: byStatus ?? none() }];
  });

const none = (): Counts => ({
  ...{ requested: 0, attempting: 0, accepted: 0, rejected: 0, unknown: 0, gated: {} },
  ...{ sent: 0, delivered: 0, failed: 0, replied: 0, optedOut: 0 },
});

const made = ({ requested, attempting, accepted, rejected, unknown, gated }: Counts): number =>
  Object.values(gated).reduce((sum, some) => sum + some, requested + attempting + accepted + rejected + unknown);

const addStatus = (counts: Counts, { status: given, rule }: Tally["by"], count: number): void => {
  const status = contactStatus.parse(given);
  switch (status) {
    case "deferred":
      counts.requested += count;
      return;
    case "requested":
    case "attempting":
    case "unknown":
    case "rejected":
    case "accepted":
      counts[status] += count;
      return;
    case "sent":
    case "delivered":
    case "failed":
      counts.accepted += count;
      counts[status] += count;
      return;
    case "gated": {
      const because = typeof rule === "string" ? rule : "unnamed";
      counts.gated[because] = (counts.gated[because] ?? 0) + count;
      return;
    }
    default:
      unreachable(status);
  }
};

type PassTally = Pick<Run["passes"][number], "found" | "allocated" | "skipped">;

type Sums = Readonly<Record<string, number | undefined>>;

const sum = (one: Sums, other: Sums): Record<string, number> => {
  const total: Record<string, number> = {};
  for (const [name, some] of [one, other].flatMap((each) => Object.entries(each))) total[name] = (total[name] ?? 0) + (some ?? 0);
  return total;
};

const tallyOf = (passes: readonly PassTally[]): PassTally =>
  passes.reduce<PassTally>(
    (total, { found, allocated, skipped }) => ({
      found: total.found + found,
      allocated: total.allocated + allocated,
      skipped: sum(total.skipped, skipped),
    }),
    { found: 0, allocated: 0, skipped: {} },
  );
