import type { ContactRequest } from "@outrider/contact-policy";
import type { ProblemSlug } from "@outrider/contracts/commands";
import type { AccountId, PersonId } from "@outrider/contracts/ids";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { streams, subjects } from "@outrider/contracts/streams";
import { type CommandContext, type CommandHandler, erased, handle, Refusal } from "@outrider/platform";
import { historyShown } from "./config.ts";
import { announceErasure, armKeyPurge } from "./erasure.ts";
import { openedWithin } from "./export.ts";
import { askedBy, type RegistryParts } from "./parts.ts";
import { policyOf, watchedAccount } from "./permit.ts";
import { type PersonCommand, type PersonRefusal, verdictOn } from "./person.ts";

const refusals = {
  "unknown-person": { slug: "not-found", sentence: "there is no such person" },
  erased: { slug: "refused", sentence: "the person has been erased; nothing of theirs is stored any more" },
  "not-erased": { slug: "conflict", sentence: "the person has not been erased" },
} as const satisfies Record<PersonRefusal, { slug: ProblemSlug; sentence: string }>;

const refusal = (rule: PersonRefusal): Refusal => new Refusal(refusals[rule].slug, refusals[rule].sentence, rule);

/** What is asked about people, apart from permits. */
export const personHandlers = (parts: RegistryParts): readonly CommandHandler[] => {
  const { persons, people, clock } = parts;
  const change = async (account: AccountId, person: PersonId, command: PersonCommand, context: CommandContext) => {
    const outcome = await persons.execute(subjects.person(account, person), command, askedBy(context, clock.now()));
    if (outcome.kind === "refused") throw refusal(outcome.refusal);
    return { seq: outcome.revision };
  };
  const { optOut, optIn, recordConsent, withdrawConsent, recordRefusal } = registryCommands;
  return [
    handle(registryCommands.people, async ({ account, numbers, postalCodes, register }, context) => ({
      people: await people.find(account, numbers, { postalCodes, register }, askedBy(context, clock.now())),
    })),
    handle(registryCommands.number, async ({ account, person }) => {
      const { state } = await persons.fold(subjects.person(account, person));
      return { number: state.status === "unknown" || (state.status === "erased" && state.keyDestroyed) ? null : state.number };
    }),
    handle(optOut, ({ account, person, ...said }, context) =>
      change(account, person, { type: "OptOut", ...said, at: clock.now() }, context),
    ),
    handle(optIn, ({ account, person, ...said }, context) => change(account, person, { type: "OptIn", ...said, at: clock.now() }, context)),
    handle(recordConsent, ({ account, person, ...given }, context) => {
      if (Date.parse(given.at) > clock.nowMs() + clocksDifferMs)
        throw new Refusal("invalid-request", "a consent cannot be given in the future");
      return change(account, person, { type: "RecordConsent", ...given }, context);
    }),
    handle(withdrawConsent, ({ account, person }, context) =>
      change(account, person, { type: "WithdrawConsent", at: clock.now() }, context),
    ),
    handle(recordRefusal, ({ account, person, channel }, context) =>
      change(account, person, { type: "RecordRefusal", channel, at: clock.now() }, context),
    ),
    eraseHandler(parts),
    whyHandler(parts),
    exportHandler(parts),
  ];
};

/** By so much whoever records a consent may be ahead of us. */
const clocksDifferMs = 60_000;

/** The end of the key is armed before the person is erased: killed in between, an alarm that finds nobody erased does nothing. */
const eraseHandler = ({ kernel, persons, announcements, people, clock, config }: RegistryParts): CommandHandler =>
  handle(registryCommands.erase, async ({ account, person, by }, context) => {
    const subject = subjects.person(account, person);
    const { state, revision } = await persons.fold(subject);
    if (state.status === "unknown") throw refusal("unknown-person");
    if (state.status === "erased" && state.keyDestroyed) return { seq: revision };
    const asked = askedBy(context, clock.now());
    const erasedAt = state.status === "erased" ? state.erasedAt : asked.at;
    await armKeyPurge({ kernel, clock, config }, { account, person }, erasedAt, asked);
    const outcome = await persons.execute(subject, { type: "Erase", by }, asked);
    people.forget(account, person);
    if (outcome.kind === "refused") throw refusal(outcome.refusal);
    await announceErasure({ announcements }, { account, person }, { ...asked, causation: `${streams.registry.name}:${outcome.revision}` });
    return { seq: outcome.revision };
  });

/** What a question leaves open is taken for a first SMS that offers to buy. */
type Loose = { readonly [Name in keyof ContactRequest]?: ContactRequest[Name] | undefined };
const assumed = (request: Loose = {}): ContactRequest => ({
  ...request,
  contact: request.contact ?? "preview",
  // Of no hunt that has written: what was asked for by hand, which is of none, would else count as its own.
  hunt: request.hunt ?? "preview",
  channel: request.channel ?? "sms",
  purpose: request.purpose ?? "prospecting",
  legalBasis: request.legalBasis ?? "offer-to-buy",
});

const whyHandler = (parts: RegistryParts): CommandHandler =>
  handle(registryCommands.whyPerson, async ({ account, person, request }) => {
    const { persons, watched, clock, config } = parts;
    const known = watchedAccount(parts, account);
    const subject = subjects.person(account, person);
    const recent = await persons.recent(subject, historyShown);
    const history = recent.flatMap(({ at, events }) =>
      events.map((event) => ({
        at,
        type: event.type,
        ...(event.type === "AttemptDenied" ? { rule: event.data.rule } : {}),
      })),
    );
    const { state } = await persons.fold(subject);
    if (state.status === "unknown") {
      return { known: false, erased: false, consents: [], attempts: [], verdict: { kind: "denied", rule: "unknown-person" }, history };
    }
    const paused = watched.pausedBy(account, request?.hunt) !== undefined;
    const policy = policyOf(known, paused, config.OUTRIDER_PROVIDERS === "sandbox");
    const verdict = verdictOn(state, assumed(request), policy, clock.now());
    return {
      known: true,
      facts: state.facts,
      ...(state.optedOut === undefined ? {} : { optedOut: state.optedOut }),
      erased: state.status === "erased",
      consents: state.consents,
      attempts: state.attempts.map(({ at, hunt, contact, channel }) => ({ at, contact, channel, ...(hunt === undefined ? {} : { hunt }) })),
      verdict: { ...verdict },
      history,
    };
  });

const exportHandler = ({ persons, keyring }: RegistryParts): CommandHandler =>
  handle(registryCommands.exportPerson, async ({ account, person }) => {
    const subject = subjects.person(account, person);
    const steps = await persons.history(subject, 0, Number.MAX_SAFE_INTEGER);
    const { state } = await persons.fold(subject);
    if (state.status === "unknown") throw refusal("unknown-person");
    // At once, and not only when the last process has forgotten the key.
    const open = state.status === "erased" ? async () => erased : keyring.open;
    const events = steps.flatMap(({ recorded }) =>
      recorded.events.filter(({ type }) => type !== "PersonClosed").map(({ type, data }) => ({ at: recorded.at, type, data })),
    );
    return {
      person,
      number: await open(state.number),
      facts: state.facts,
      events: await Promise.all(events.map((event) => openedWithin(open, event))),
    };
  });
