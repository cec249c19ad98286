import { huntCodec, huntCommands, runCodec } from "@outrider/contracts/hunts";
import { streams } from "@outrider/contracts/streams";
import { aggregate, jetStreamStore, type Kernel, type Reaction } from "@outrider/eventing";
import {
  type AccountsWatch,
  inspectionHandlers,
  kernelOf,
  type Mongo,
  openMongo,
  ownStreams,
  type Service,
  serveCommands,
  watchAccounts,
} from "@outrider/platform";
import { openCandidates } from "./candidates.ts";
import { commands } from "./commands.ts";
import type { AllocatorConfig } from "./config.ts";
import { hunts as huntRule } from "./hunt.ts";
import { looking } from "./looking.ts";
import { lookForLeftPasses } from "./overdue.ts";
import type { PassTools, Runs } from "./pass.ts";
import { waitingForMongo } from "./reached.ts";
import { drivePasses, type Hunts, recordScans } from "./reactions.ts";
import { openReaders } from "./readers.ts";
import { runs as runRule } from "./run.ts";
import { keepTidy, keptDays, shelvesIn } from "./tidy.ts";

/** The service's parts, wired. Everything ends with the service. */
export interface Allocator {
  readonly hunts: Hunts;
  readonly runs: Runs;
  readonly tools: PassTools;
  readonly reactions: readonly Reaction[];
}

export const openAllocator = async (service: Service<AllocatorConfig>): Promise<Allocator> => {
  const { config } = service;
  const kernel = kernelOf(service);
  await ownStreams(service, streams.hunts);
  const mongo = await openMongo(service);
  const { hunts, runs } = aggregatesOf(kernel);
  const accounts = watchAccounts(kernel);
  const tools = toolsOf(service, kernel, mongo, runs, accounts);
  keepTidy(service, shelvesIn(mongo.db), accounts);
  await accounts.caughtUp;
  const reactions = [
    drivePasses(kernel, tools, { concurrency: config.PASSES_AT_ONCE, takeoverMs: config.PASS_TAKEOVER_MS }),
    recordScans(kernel, hunts, tools),
  ];
  for (const reaction of reactions) service.onStop(reaction.durable, reaction.stop);
  await lookForLeftPasses(service, kernel, tools);
  const ownLast = async () => (await service.jsm.streams.info(streams.hunts.name)).state.last_seq;
  const inspected = inspectionHandlers(kernel, huntCommands, { aggregates: { "hunts.hunt": hunts, "hunts.run": runs }, reactions });
  await serveCommands(service, [
    ...commands({ ...tools, hunts, ownLast, mostActiveHunts: config.ACCOUNT_MOST_ACTIVE_HUNTS }),
    ...inspected,
  ]);
  return { hunts, runs, tools, reactions };
};

const aggregatesOf = ({ jsm, publisher }: Kernel): { readonly hunts: Hunts; readonly runs: Runs } => {
  const stream = streams.hunts.name;
  return {
    hunts: aggregate(jetStreamStore({ jsm, publisher, stream, codec: huntCodec }), huntRule),
    runs: aggregate(jetStreamStore({ jsm, publisher, stream, codec: runCodec }), runRule),
  };
};

const toolsOf = (service: Service<AllocatorConfig>, kernel: Kernel, { db }: Mongo, runs: Runs, accounts: AccountsWatch): PassTools => {
  const { config, ask, keyring, clock, instruments, stopping, acquireLease } = service;
  const readers = openReaders(kernel, db, acquireLease);
  return {
    ...{ runs, accounts, ask, keyring, clock, instruments, stopping },
    candidates: waitingForMongo(
      openCandidates(db, {
        page: config.CANDIDATES_PAGE,
        huntsPage: config.HUNTS_PAGE,
        rememberedSince: () => new Date(clock.nowMs() - keptDays(accounts, config.KEEP_CONTACTED_DAYS) * 86_400_000).toISOString(),
      }),
    ),
    looking: looking(kernel, readers),
    prices: { sms: config.SMS_PRICE_CREDITS },
    sandbox: config.OUTRIDER_PROVIDERS === "sandbox",
    mostContacts: config.PASS_MOST_CONTACTS,
    waitMs: config.CANDIDATES_WAIT_MS,
  };
};
