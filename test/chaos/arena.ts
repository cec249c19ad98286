import { createHmac } from "node:crypto";
import type { AccountId } from "@outrider/contracts/ids";
import {
  importFile,
  lawfulMoment,
  openTenant,
  openWorld,
  rowsOf,
  type Tenant,
  type TenantOptions,
  untilImported,
  type World,
  type WorldOptions,
} from "../world.ts";
import { type BlowLog, type Blows, blowLog, blowsOn } from "./blows.ts";
import { type Chronicle, openChronicle } from "./chronicle.ts";

/** A world that is struck, what is seen of it, and what was done to it. */
export interface Arena extends AsyncDisposable {
  readonly world: World;
  readonly chronicle: Chronicle;
  readonly blows: Blows;
  readonly log: BlowLog;
}

export interface ArenaOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly onEvent?: WorldOptions["onEvent"];
  readonly tell?: (line: string) => void;
}

/** The time from a request to its outcome is short here, so that what was cut off ends a minute later and not a minute and a half. */
const attempts = { ATTEMPT_TIMEOUT_MS: "2000", RECONCILE_AFTER_MS: "0,3000,6000", PASS_TAKEOVER_MS: "4000", LOG_LEVEL: "info" };

/** Two replicas of every service. */
export const openArena = async ({ env = {}, onEvent, tell }: ArenaOptions = {}): Promise<Arena> => {
  const offsetMs = Date.parse(lawfulMoment) - Date.now();
  const log = blowLog(tell);
  const world = await openWorld({
    replicas: 2,
    readyMs: 150_000,
    keep: process.env["CHAOS_KEEP"] !== undefined,
    env: { ...attempts, OUTRIDER_CLOCK_OFFSET_MS: String(offsetMs), ...env },
    ...(onEvent === undefined ? {} : { onEvent }),
  });
  try {
    const chronicle = await openChronicle(world, offsetMs);
    log.note(`two replicas of every service are ready in ${world.dir}`);
    return {
      ...{ world, chronicle, log, blows: blowsOn(world, log) },
      [Symbol.asyncDispose]: async () => {
        await chronicle.stop();
        await world[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await world[Symbol.asyncDispose]();
    throw error;
  }
};

/** An account whose provider tells the gateway what became of its messages and what people write. */
export const openHeardTenant = async (world: World, options: TenantOptions): Promise<Tenant> => {
  const tenant = await openTenant(world, options);
  const { account, apiKey } = tenant;
  const path = `smsmobileapi/${account}`;
  // The address is the gateway's own: its secret is made of the provider and the account.
  const secret = createHmac("sha256", world.secrets["OUTRIDER_WEBHOOK_SECRET"] ?? "")
    .update(path)
    .digest("base64url")
    .slice(0, 32);
  await world.sim.setWebhook({ apiKey, url: `${world.outrider.urls.gateway}/webhooks/${path}/${secret}` });
  return tenant;
};

/** Owners by number, so that tests may write as one of them. */
export const numberOf = (index: number): string => `+336399${String(80_000 + (index % 10_000)).padStart(5, "0")}`;

export const importOwners = async (world: World, account: AccountId, count: number, more: Parameters<typeof rowsOf>[1] = {}) => {
  const name = `${more.source ?? "made"}-${more.from ?? 0}.csv`;
  return untilImported(world, account, await importFile(world, account, rowsOf(count, more), name));
};
