import { codecOf } from "@outrider/contracts/define";
import { type HuntEvent, huntCodec } from "@outrider/contracts/hunts";
import { type AccountId, accountId, type ContactId, type HuntId, huntId, systemAccount } from "@outrider/contracts/ids";
import { type AccountEvent, accountEvents } from "@outrider/contracts/registry";
import { parseSubject, streams, subjects } from "@outrider/contracts/streams";
import { type Delivery, type Digested, done, impossible, type Reaction, react, waitFor } from "@outrider/eventing";
import { gate } from "./attempt.ts";
import { pauseReactions } from "./config.ts";
import type { Because, Sms } from "./context.ts";
import { because } from "./reactions.ts";
import { endTurns } from "./turns.ts";

/** Contacts that are looked at together when something is paused. */
const together = 50;
/** How often a pause that the accounts' watch does not know yet is handed back; after that it has been resumed. */
const tries = 10;
const againMs = 200;

/** A pause ends what waits for a later turn at once, and does not leave it to the turn's own moment. */
export const reactToPauses = (sms: Sms): readonly Reaction[] => [
  react<AccountEvent>(
    sms.kernel,
    { ...pauseReactions.accounts, stream: streams.registry.name, codec: codecOf(accountEvents) },
    (delivery) => (delivery.events.some(({ type }) => type === "AccountPaused") ? stopAccount(sms, delivery) : Promise.resolve(done)),
  ),
  react<HuntEvent>(sms.kernel, { ...pauseReactions.hunts, stream: streams.hunts.name, codec: huntCodec }, (delivery) =>
    delivery.events.some(({ type }) => type === "HuntPaused" || type === "HuntArchived") ? stopHunt(sms, delivery) : Promise.resolve(done),
  ),
];

const stopAccount = async (sms: Sms, delivery: Delivery<AccountEvent>): Promise<Digested> => {
  const id = parseSubject(delivery.subject)?.id;
  if (id === undefined) return impossible("the subject is none of an account");
  const account = accountId.parse(id);
  if (sms.accounts.pausedBy(account) === undefined) return delivery.deliveries < tries ? waitFor(againMs) : done;
  const all = account === systemAccount ? [...sms.accounts.all()].map((each) => each.account) : [account];
  for (const each of all) await stopWaiting(sms, each, undefined, because(delivery));
  return done;
};

const stopHunt = async (sms: Sms, delivery: Delivery<HuntEvent>): Promise<Digested> => {
  const at = parseSubject(delivery.subject);
  if (at === undefined) return impossible("the subject is none of a hunt");
  const [account, hunt] = [accountId.parse(at.account), huntId.parse(at.id)];
  if (sms.accounts.pausedBy(account, hunt) === undefined) return delivery.deliveries < tries ? waitFor(againMs) : done;
  await stopWaiting(sms, account, hunt, because(delivery));
  return done;
};

/** Ends the contacts of an account's open turns, all of them or one hunt's, as long as the pause lasts. */
const stopWaiting = async (sms: Sms, account: AccountId, hunt: HuntId | undefined, why: Because): Promise<void> => {
  for (const line of sms.accounts.account(account)?.providers.keys() ?? []) {
    const { state } = await sms.lines.fold(subjects.smsLine(account, line));
    const open = [...state.open.keys()];
    for (let from = 0; from < open.length; from += together) {
      if (sms.accounts.pausedBy(account, hunt) === undefined) return;
      const ended = await Promise.all(open.slice(from, from + together).map((contact) => stopOne(sms, account, contact, hunt, why)));
      await endTurns(
        sms,
        account,
        line,
        ended.flatMap((contact) => contact ?? []),
        why,
      );
    }
  }
};

const stopOne = async (
  sms: Sms,
  account: AccountId,
  contact: ContactId,
  hunt: HuntId | undefined,
  why: Because,
): Promise<ContactId | undefined> => {
  const { state } = await sms.contacts.fold(subjects.smsContact(account, contact));
  if (state.status !== "requested" || (hunt !== undefined && state.request.hunt !== hunt)) return undefined;
  await gate(sms, account, contact, "paused", undefined, why);
  return contact;
};
