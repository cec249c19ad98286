import { type AccountId, accountId, type PersonId, partitionOf, personId } from "@outrider/contracts/ids";
import { parseSubject, streams, subjects } from "@outrider/contracts/streams";
import { type Cause, done, dueCodec, dueOptions, impossible, type Reaction, react, schedules } from "@outrider/eventing";
import { keyIds, lookForOverdue, type Service } from "@outrider/platform";
import { z } from "zod";
import { names, overdueErasures, type RegistryConfig } from "./config.ts";
import type { RegistryParts } from "./parts.ts";

interface WhosePerson {
  readonly account: AccountId;
  readonly person: PersonId;
}

type Needs = Pick<RegistryParts, "kernel" | "persons" | "announcements" | "clock" | "keyring" | "config">;

/** Tells the senders, which end what waits for this person. Once: repeating it adds nothing. */
export const announceErasure = async (
  { announcements }: Pick<Needs, "announcements">,
  { account, person }: WhosePerson,
  cause: Cause,
): Promise<void> => {
  await announcements.execute(subjects.erasure(account, person), { type: "Announce", person }, cause);
};

/** Sets the alarm for the end of an erased person's key. One per person: a new one replaces it. */
export const armKeyPurge = (
  { kernel, clock, config }: Pick<Needs, "kernel" | "clock" | "config">,
  { account, person }: WhosePerson,
  erasedAt: string,
  { commandId, at, correlation, causation, actor, traceparent }: Cause,
): Promise<void> => {
  const when = new Date(purgedAt({ clock, config }, erasedAt));
  const cause = { commandId, at, correlation, causation, actor, traceparent };
  return schedules(kernel).at(names.purgeKey, `${partitionOf(account)}.${account}.${person}`, when, { account, person }, cause);
};

const due = z.object({ account: accountId, person: personId });

/**
 * Destroys the key of an erased person when every attempt that was permitted before has ended or turned unknown. The key goes first: killed
 * in between, the alarm comes again and finds it gone.
 */
const purgeKey = async (needs: Needs, { account, person }: WhosePerson, cause: Cause): Promise<void> => {
  const { persons, clock, keyring } = needs;
  const subject = subjects.person(account, person);
  const { state } = await persons.fold(subject);
  if (state.status !== "erased" || state.keyDestroyed) return;
  if (purgedAt(needs, state.erasedAt) > clock.realNowMs()) {
    return armKeyPurge(needs, { account, person }, state.erasedAt, cause); // erased a moment later than it was armed for
  }
  await announceErasure(needs, { account, person }, cause); // whoever erased may have been killed before saying so
  await keyring.destroy(keyIds.person(account, person));
  await persons.execute(subject, { type: "KeyDestroyed" }, cause);
};

/** The real moment, ms. */
const purgedAt = ({ clock, config }: Pick<Needs, "clock" | "config">, erasedAt: string): number =>
  clock.toReal(erasedAt).getTime() + config.ERASURE_KEY_GRACE_MS;

export const purgeKeys = (needs: Needs): Reaction => {
  const { kernel, clock } = needs;
  return react(kernel, { ...dueOptions(kernel.service, names.purgeKey), codec: dueCodec }, async (message) => {
    const named = due.safeParse(message.events[0]?.data);
    if (!named.success) return impossible("the alarm does not name an account and a person");
    const causation = `${message.stream}:${message.revision}`;
    const cause = { commandId: `${causation}:purge-key`, at: clock.now(), causation, actor: names.actor, traceparent: message.traceparent };
    await purgeKey(needs, named.data, cause);
    return done;
  });
};

/** Whoever was erased and whose alarm was lost. Each replica; one at a time. */
export const lookForLostErasures = (service: Service<RegistryConfig>, needs: Needs): Promise<void> =>
  lookForOverdue(service, needs.kernel, {
    ...{ ...overdueErasures, stream: streams.registry.name },
    nextMoment: async ({ subject }) => {
      const { state } = await needs.persons.fold(subject);
      return state.status === "erased" && !state.keyDestroyed ? purgedAt(needs, state.erasedAt) : undefined;
    },
    react: async ({ subject, revision }, because) => {
      const about = parseSubject(subject);
      const whose = { account: accountId.parse(about?.account), person: personId.parse(about?.id) };
      await purgeKey(needs, whose, { ...because, commandId: `overdue:${revision}:purge-key`, at: needs.clock.now() });
    },
  });
