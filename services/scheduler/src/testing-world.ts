import { huntCommands } from "@outrider/contracts/hunts";
import { type AccountId, partitionOf, runId } from "@outrider/contracts/ids";
import { type AccountEvent, accountCodec, accountPolicy } from "@outrider/contracts/registry";
import { schedulerCommands } from "@outrider/contracts/scheduler";
import { streams, subjects } from "@outrider/contracts/streams";
import { ensureStream, jetStreamStore, type Kernel } from "@outrider/eventing";
import { handle, kernelOf, openService, parseConfig, type Service, serveCommands } from "@outrider/platform";
import { throwAwayNats } from "@outrider/stack/testing";
import { definition, names, type SchedulerConfig } from "./config.ts";
import { openScheduler } from "./scheduler.ts";

/** The sandbox's clock shows 09:00 in Paris after so many milliseconds of real time. */
export const nineIn = (ms: number): number => Date.parse("2027-03-02T08:00:00.000Z") - ms - Date.now();
/** The trace in which accounts are created and changed here. */
export const created = `00-${"c".repeat(32)}-${"d".repeat(16)}-01`;
export const policy = accountPolicy.parse({});

const configuredAt =
  (url: string) =>
  (offsetMs = 0, lateMs = 300): SchedulerConfig => {
    const environment = {
      NATS_URL: url,
      LOG_LEVEL: "silent",
      OUTRIDER_CLOCK_OFFSET_MS: String(offsetMs),
      SCHEDULER_ASK_TIMEOUT_MS: "1000",
      OVERDUE_EVERY_MS: "300",
      OVERDUE_AFTER_MS: String(lateMs),
    };
    const parsed = parseConfig(definition, environment);
    if (!parsed.ok) throw new Error(parsed.problems.join("; "));
    return parsed.config;
  };

/** A start of a pass, as the allocator was asked for it. */
interface Start {
  readonly account: string;
  readonly commandId: string;
  readonly trace: string;
}

/** What the fake allocator has been asked, and which accounts have had their pass of today. */
interface Asked {
  readonly starts: Start[];
  readonly ran: Set<string>;
}

const serveAllocator = (service: Service<SchedulerConfig>, { starts, ran }: Asked, answer: () => void) => {
  const pass = { pass: 1, open: false, found: 0, allocated: 0, skipped: {}, reserved: 0, rest: 0 };
  const startPass = handle(huntCommands.startPass, async ({ account }, { commandId, traceparent }) => {
    starts.push({ account, commandId, trace: traceparent.slice(3, 35) });
    answer();
    ran.add(account);
    return { run: runId.parse("2027-03-02"), pass: 1, seq: 1, open: true };
  });
  const run = handle(huntCommands.run, async ({ account }) => ({
    exists: ran.has(account),
    passes: ran.has(account) ? [pass] : [],
    hunts: [],
    seq: 1,
  }));
  return serveCommands(service, [startPass, run]);
};

/** Writes events of accounts as the registry would. */
const registryOf = ({ jsm, publisher }: Kernel) => {
  const store = jetStreamStore({ jsm, publisher, stream: streams.registry.name, codec: accountCodec });
  const write = async (account: AccountId, expected: number, event: AccountEvent, at = "2027-03-02T07:00:00.000Z"): Promise<number> => {
    const id = crypto.randomUUID();
    const append = { commandId: id, executionId: id, at, events: [event], expected, closing: 0, traceparent: created };
    const appended = await store.append(subjects.account(account), append, performance.now() + 10_000);
    if (appended.kind === "conflict") throw new Error(`${account} has moved`);
    return appended.revision;
  };
  const create = (account: AccountId, dailyRunCron = "0 9 * * *") =>
    write(account, 0, {
      type: "AccountCreated",
      data: {
        ...{ account, name: "Garage", timeZone: "Europe/Paris", country: "FR", secret: { k: "k", v: "v" } },
        policy: { ...policy, dailyRunCron },
      },
    });
  return { write, create };
};

/** A real server, replicas of the scheduler, and a fake registry and allocator beside it. */
export const openWorld = async () => {
  const nats = await throwAwayNats();
  const configured = configuredAt(nats.url);
  const service = await openService({ ...configured(), service: "gateway" }, { ownsProcess: false });
  const kernel = kernelOf(service);
  for (const declared of [streams.registry, streams.hunts, streams.schedule, streams.dead]) await ensureStream(service.jsm, declared);
  const opened: Service<SchedulerConfig>[] = [];
  const asked: Asked = { starts: [], ran: new Set() };
  const open = async (config: SchedulerConfig): Promise<Service<SchedulerConfig>> => {
    const one = await openService(config, { ownsProcess: false });
    opened.push(one);
    return one;
  };
  const closeAll = async (): Promise<void> => {
    for (const one of opened.splice(0)) await one[Symbol.asyncDispose]();
  };
  const startsOf = (account: AccountId): readonly Start[] => asked.starts.filter((start) => start.account === account);
  return {
    ...{ service, kernel, ran: asked.ran, ...registryOf(kernel), startsOf },
    /** A replica of the scheduler; `lateMs` is how late a day is overdue. */
    open: async (replica: string, offsetMs = 0, lateMs?: number): Promise<Service<SchedulerConfig>> => {
      const scheduler = await open({ ...configured(offsetMs, lateMs), OUTRIDER_REPLICA: replica });
      await openScheduler(scheduler);
      return scheduler;
    },
    /** The fake allocator; what `answer` throws is how it refuses to start a pass. */
    allocator: async (answer: () => void): Promise<void> => {
      await serveAllocator(await open({ ...configured(), service: "hunt-allocator" }), asked, answer);
    },
    daily: (account: AccountId) => service.ask(schedulerCommands.dailyRun, { account }).catch(() => undefined),
    /** The commands by which the account's days were begun: a look and a reaction at once may both send one, and the allocator obeys it once. */
    begunBy: (account: AccountId): readonly string[] => [...new Set(startsOf(account).map(({ commandId }) => commandId))],
    /** What waits for the account's next day. */
    scheduleOf: async (account: AccountId) => {
      const last_by_subj = `schedule.scheduler.${names.dailyRun}.${partitionOf(account)}.${account}.${account}`;
      const stored = await service.jsm.streams.getMessage(streams.schedule.name, { last_by_subj });
      if (stored === null) throw new Error("an alarm was armed");
      return stored;
    },
    pendingDue: async () => (await service.jsm.consumers.info(streams.schedule.name, "scheduler-due-daily-run")).num_pending,
    /** For the next test: nobody is there, and nothing was asked. */
    clear: async (): Promise<void> => {
      await closeAll();
      asked.starts.length = 0;
    },
    end: async (): Promise<void> => {
      await closeAll();
      await service[Symbol.asyncDispose]();
      await nats.stop();
    },
  };
};
