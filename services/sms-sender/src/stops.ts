import { codecOf } from "@outrider/contracts/define";
import { type HuntEvent, huntCodec } from "@outrider/contracts/hunts";
import { type AccountId, accountId, huntId, type PersonId, personId, systemAccount } from "@outrider/contracts/ids";
import { type AccountEvent, accountEvents, type ErasureEvent, erasureCodec } from "@outrider/contracts/registry";
import { parseSubject, streams } from "@outrider/contracts/streams";
import {
  type Delivery,
  type Digested,
  type DueMessage,
  done,
  dueCodec,
  dueOptions,
  impossible,
  type Reaction,
  react,
  Unavailable,
  waitFor,
} from "@outrider/eventing";
import { z } from "zod";
import { followed, names, stopSweep } from "./config.ts";
import { type Because, causeOf, type Sms, scheduleKey } from "./context.ts";
import { because } from "./reactions.ts";
import { endWaiting } from "./waiting.ts";

/** A pause and an erasure end what waits at once, and do not leave it to each contact's own moment. */
export const reactToStops = (sms: Sms): readonly Reaction[] => {
  const sweep = sweepsOf(sms);
  return [...reactToPauses(sms), reactToErasures(sms, sweep), reactToDueErasures(sms, sweep)];
};

const reactToPauses = (sms: Sms): readonly Reaction[] => [
  react<AccountEvent>(sms.kernel, { ...followed.accounts, stream: streams.registry.name, codec: codecOf(accountEvents) }, (delivery) =>
    delivery.events.some(({ type }) => type === "AccountPaused") ? stopAccount(sms, delivery) : Promise.resolve(done),
  ),
  react<HuntEvent>(sms.kernel, { ...followed.hunts, stream: streams.hunts.name, codec: huntCodec }, (delivery) =>
    delivery.events.some(({ type }) => type === "HuntPaused" || type === "HuntArchived") ? stopHunt(sms, delivery) : Promise.resolve(done),
  ),
];

/** A watch that is behind has not heard of the pause, however often this comes back. */
const notKnown = (sms: Sms, { deliveries }: Delivery<unknown>): Digested =>
  !sms.accounts.isCurrent() || deliveries < stopSweep.tries ? waitFor(stopSweep.againMs) : done;

const stopAccount = async (sms: Sms, delivery: Delivery<AccountEvent>): Promise<Digested> => {
  const id = parseSubject(delivery.subject)?.id;
  if (id === undefined) return impossible("the subject is none of an account");
  const account = accountId.parse(id);
  if (sms.accounts.pausedBy(account) === undefined) return notKnown(sms, delivery);
  const all = account === systemAccount ? [...sms.accounts.all()].map((each) => each.account) : [account];
  let failed: { readonly error: unknown } | undefined;
  for (const each of all) {
    const stop = { rule: "paused", concerns: () => true, holds: () => sms.accounts.pausedBy(each) !== undefined } as const;
    // One account that cannot be ended holds up no other's pause; this message comes again for it.
    await endWaiting(sms, each, stop, because(delivery)).catch((error: unknown) => {
      if (error instanceof Unavailable) throw error;
      failed ??= { error };
    });
  }
  if (failed !== undefined) throw failed.error;
  return done;
};

const stopHunt = async (sms: Sms, delivery: Delivery<HuntEvent>): Promise<Digested> => {
  const at = parseSubject(delivery.subject);
  if (at === undefined) return impossible("the subject is none of a hunt");
  const [account, hunt] = [accountId.parse(at.account), huntId.parse(at.id)];
  const holds = (): boolean => sms.accounts.pausedBy(account, hunt) !== undefined;
  if (!holds()) return notKnown(sms, delivery);
  await endWaiting(sms, account, { rule: "paused", concerns: (request) => request.hunt === hunt, holds }, because(delivery));
  return done;
};

type Sweep = (account: AccountId, person: PersonId, why: Because) => Promise<number>;

const reactToErasures = (sms: Sms, sweep: Sweep): Reaction =>
  react<ErasureEvent>(sms.kernel, { ...followed.erasures, stream: streams.registry.name, codec: erasureCodec }, async (delivery) => {
    const at = parseSubject(delivery.subject);
    if (at === undefined) return impossible("the subject is none of an erasure");
    const [account, person, why] = [accountId.parse(at.account), personId.parse(at.id), because(delivery)];
    if ((await sweep(account, person, why)) > 0) return waitFor(stopSweep.underWayAgainMs);
    const again = new Date(sms.service.clock.realNowMs() + sms.service.config.ERASURE_LOOK_AGAIN_MS);
    const cause = causeOf(sms, why, `erased:${person}`);
    await sms.schedules.at(names.erased, scheduleKey(account, person), again, { account, person }, cause);
    return done;
  });

const dueErasure = z.object({ account: accountId, person: personId });

/** What was allocated or asked for before anybody had heard of the erasure began to wait after the look, and would do so until its moment. */
const reactToDueErasures = (sms: Sms, sweep: Sweep): Reaction =>
  react<DueMessage>(
    sms.kernel,
    { ...dueOptions(sms.kernel.service, names.erased), codec: dueCodec, concurrency: followed.erasures.concurrency },
    async (delivery) => {
      const parsed = dueErasure.safeParse(delivery.events[0]?.data);
      if (!parsed.success) return impossible("the schedule names no person");
      const underWay = await sweep(parsed.data.account, parsed.data.person, because(delivery));
      return underWay === 0 ? done : waitFor(stopSweep.underWayAgainMs);
    },
  );

/**
 * Whose contacts wait is known by looking at all of an account's. Erasures that come while one is looking wait and are looked for together:
 * a thousand of them take a few looks, and not a thousand.
 */
const sweepsOf = (sms: Sms): Sweep => {
  const gathering = new Map<AccountId, { readonly people: Set<PersonId>; readonly swept: Promise<number> }>();
  const last = new Map<AccountId, Promise<number>>();
  return (account, person, why) => {
    const joined = gathering.get(account);
    if (joined !== undefined) {
      joined.people.add(person);
      return joined.swept;
    }
    const people = new Set([person]);
    const look = (): Promise<number> => {
      gathering.delete(account);
      return endWaiting(sms, account, { rule: "erased", concerns: (request) => people.has(request.person), holds: () => true }, why);
    };
    const swept = (last.get(account) ?? Promise.resolve()).then(look, look);
    gathering.set(account, { people, swept });
    last.set(account, swept);
    const forget = (): void => void (last.get(account) === swept && last.delete(account));
    swept.then(forget, forget);
    return swept;
  };
};
