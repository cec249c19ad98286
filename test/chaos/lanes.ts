import { serviceNames } from "@outrider/contracts/commands";
import { registryCommands } from "@outrider/contracts/registry-commands";
import type { Faults } from "@outrider/simulators";
import { eventually, type Tenant } from "../world.ts";
import { type Arena, numberOf } from "./arena.ts";
import { longerThanAckWait, longerThanLease, pause } from "./blows.ts";
import { type Dice, diceOf } from "./seed.ts";

/** What goes on beside the run until it is told to end. Each lane draws from dice of its own. */
export type Lane = (arena: Arena, signal: AbortSignal) => Promise<void>;

/** How a provider behaves whose network and whose webhooks are bad, and which one is bad in which way. */
const badly: Partial<Faults> = { latencyMs: 100, latencyJitterMs: 300, webhookDouble: 0.3, webhookOutOfOrder: 0.3, webhookLateMs: 200 };
const moods: readonly Partial<Faults>[] = [
  { cutBefore: 0.1 },
  { cutAfter: 0.1 },
  { hangAfter: 0.05 },
  { serverErrorAfter: 0.1, nonJson: 0.03 },
  { serverErrorBefore: 0.05, refuse: 0.05 },
  { tooMany: 0.2, retryAfterS: 1 },
  { latencyMs: 800, latencyJitterMs: 1500 },
  { failDelivery: 0.2, readError: 0.2 },
  { cutBefore: 0.03, cutAfter: 0.03, serverErrorAfter: 0.03, tooMany: 0.05, retryAfterS: 1, failDelivery: 0.05, webhookLateMs: 2000 },
];

export const providerLane =
  (seed: number): Lane =>
  async ({ blows }, signal) => {
    const dice = diceOf(seed, 1);
    while (!signal.aborted) {
      await blows.faults({ ...badly, ...dice.pick(moods) });
      await pause(dice.between(1500, 4000), signal);
    }
  };

export interface Blow {
  readonly service: string;
  readonly replica: number;
  readonly how: "kill" | "lease" | "ack wait";
}

export interface ProcessBlows {
  readonly seed: number;
  readonly lane: number;
  /** Struck before chance decides, as soon as attempts are under way. */
  readonly first?: readonly Blow[];
  /** What is attempted by a killed sender is looked at a minute later: a short storm only stops senders. */
  readonly killsSenders: boolean;
}

const drawn = (dice: Dice, killsSenders: boolean): Blow => {
  const service = dice.pick(serviceNames);
  const replica = dice.between(1, 2);
  const how = dice.pick(["kill", "kill", "kill", "lease", "ack wait"] as const);
  return { service, replica, how: how === "kill" && service === "sms-sender" && !killsSenders ? "lease" : how };
};

/** Strikes replica after replica; a service whose other replica is not ready is passed over. */
export const processLane =
  ({ seed, lane, first = [], killsSenders }: ProcessBlows): Lane =>
  async ({ blows, chronicle }, signal) => {
    const dice = diceOf(seed, 10 + lane);
    const planned = [...first];
    const underWay = (): boolean => [...chronicle.contacts.values()].filter(({ status }) => status === "attempting").length >= 4;
    while (planned.length > 0 && !signal.aborted && !underWay()) await pause(50, signal);
    while (!signal.aborted) {
      const { service, replica, how } = planned.shift() ?? drawn(dice, killsSenders);
      const struck =
        how === "kill"
          ? await blows.kill(service, replica)
          : await blows.freeze(service, replica, how === "lease" ? longerThanLease : longerThanAckWait, signal);
      await pause(struck ? dice.between(500, 3000) : 100, signal);
    }
  };

/** The servers go down and come back, NATS more often than MongoDB. */
export const serverLane =
  (seed: number, everyMs: number): Lane =>
  async ({ blows }, signal) => {
    const dice = diceOf(seed, 2);
    for (let blow = 0; ; blow++) {
      await pause(dice.between(everyMs / 2, everyMs), signal);
      if (signal.aborted) return;
      // Every storm has both.
      if (blow === 0 || (blow > 1 && dice.next() < 0.6)) await blows.restartNats();
      else await blows.restartMongo();
    }
  };

/** People write, STOP among other things, before and after they were written to. */
export const peopleLane =
  (seed: number, tenants: readonly Tenant[], owners: number): Lane =>
  async ({ world, log }, signal) => {
    const dice = diceOf(seed, 3);
    while (!signal.aborted) {
      const text = dice.pick(["STOP", "stop svp", "Oui toujours disponible", "Non merci", "START"]);
      const from = numberOf(dice.between(0, owners - 1));
      const { apiKey, account } = dice.pick(tenants);
      await world.sim.inbound({ apiKey, from, text });
      log.note(`${from} writes "${text}" to ${account}`);
      await pause(dice.between(300, 2000), signal);
    }
  };

/** One account is paused and goes on a little later, again and again. What waits meanwhile ends gated, and a later pass asks again. */
export const pauseLane =
  (seed: number, { account }: Tenant): Lane =>
  async ({ world, log }, signal) => {
    const dice = diceOf(seed, 4);
    const say = (what: "pause" | "resume"): Promise<unknown> =>
      eventually(`${what} of ${account}`, () => world.ask(registryCommands[what], { account, by: "chaos" }));
    while (!signal.aborted) {
      await pause(dice.between(3000, 8000), signal);
      if (signal.aborted) return;
      await say("pause");
      log.note(`${account} is paused`);
      await pause(dice.between(500, 1500), signal);
      await say("resume");
      log.note(`${account} goes on`);
    }
  };
