import { type AccountPolicy, type ContactRequest, gate, type PersonFacts, packs, type Verdict } from "@outrider/contact-policy";
import type { Sealed } from "@outrider/contracts/define";
import type { Channel, NumberFacts } from "@outrider/contracts/fields";
import type { ContactId, PersonId } from "@outrider/contracts/ids";
import type { OpenPerson, PermitRequest, PersonEvent } from "@outrider/contracts/registry";
import { accept, type Decider, type Decision, refuse, unreachable } from "@outrider/eventing/decider";

type OptOutBy = Extract<PersonEvent, { type: "OptedOut" }>["data"]["by"];
type Basis = "consent" | "existing-customer";

/** One number as one account knows it. */
export type Person = { status: "unknown" } | OpenPerson;

export type PersonCommand =
  | { readonly type: "Register"; readonly person: PersonId; readonly number: Sealed; readonly facts: NumberFacts }
  | {
      readonly type: "OptOut";
      readonly by: OptOutBy;
      readonly channel?: Channel | undefined;
      readonly proof?: string | undefined;
      readonly at: string;
    }
  | { readonly type: "OptIn"; readonly by: OptOutBy; readonly proof?: string | undefined; readonly at: string }
  | {
      readonly type: "RecordConsent";
      readonly source: string;
      readonly basis: Basis;
      readonly text?: Sealed | undefined;
      readonly at: string;
    }
  | { readonly type: "WithdrawConsent"; readonly at: string }
  | { readonly type: "RecordRefusal"; readonly channel: Channel; readonly at: string }
  | { readonly type: "AskPermit"; readonly request: PermitRequest; readonly policy: AccountPolicy; readonly now: string }
  | ReturnPermit
  | { readonly type: "Erase"; readonly by: string }
  | { readonly type: "KeyDestroyed" };

/** Gives back the permit of one attempt, or of all of a contact's but those that may have reached the person. */
export interface ReturnPermit {
  readonly type: "ReturnPermit";
  readonly contact: ContactId;
  readonly attempts: { readonly only: number } | { readonly allBut: readonly number[] };
  /** Only what was counted by then: a later asking of the same contact has its own right to be counted. */
  readonly countedBy: string;
  readonly because: string;
}

export type PersonRefusal = "unknown-person" | "erased" | "not-erased";

const day = 86_400_000;
/** Attempts per period are counted in the recipient's calendar days, hence two more. */
const countedForMs = (Math.max(...packs.flatMap(longestPeriods)) + 2) * day;
/** No account may ask for more days between hunts. */
const rememberedForMs = 3660 * day;
const consentsKept = 20;
const denialsKept = 50;

function longestPeriods({ channels }: (typeof packs)[number]): number[] {
  return Object.values(channels).flatMap(({ purposes }) => Object.values(purposes).map(({ attempts }) => attempts?.days ?? 0));
}

const initial = (): Person => ({ status: "unknown" });

const evolve = (state: Person, event: PersonEvent, at: string): Person => {
  if (event.type === "PersonRegistered") {
    return { ...event.data, status: "known", consents: [], attempts: [], denials: [] };
  }
  if (event.type === "PersonClosed") return structuredClone(event.data.state);
  if (state.status === "unknown") return state; // nothing else is ever decided before the registration
  switch (event.type) {
    case "OptedOut":
      state.optedOut = { at: event.data.at, by: event.data.by };
      return state;
    case "OptedIn":
      delete state.optedOut;
      return state;
    case "ConsentRecorded": {
      const { source, basis, at: given } = event.data;
      state.consents.push({ source, basis, at: given });
      state.consents.splice(0, state.consents.length - consentsKept);
      return state;
    }
    case "ConsentWithdrawn":
      state.consents = [];
      return state;
    case "RefusalRecorded":
      if (state.refusedAt === undefined || state.refusedAt < event.data.at) state.refusedAt = event.data.at;
      return state;
    case "AttemptPermitted":
      return permitted(state, event.data, at);
    case "AttemptDenied": {
      const { contact, attempt, rule } = event.data;
      forgetDenial(state, contact);
      state.denials.push({ contact, attempt, rule });
      state.denials.splice(0, state.denials.length - denialsKept);
      return state;
    }
    case "PermitReturned":
      state.attempts = state.attempts.filter((one) => one.contact !== event.data.contact || one.attempt !== event.data.attempt);
      return state;
    case "PersonErased":
      return { ...state, status: "erased", consents: [], attempts: [], erasedAt: at, keyDestroyed: false };
    case "PersonKeyDestroyed":
      if (state.status === "erased") state.keyDestroyed = true;
      return state;
    default:
      return unreachable(event);
  }
};

const permitted = (state: OpenPerson, { contact, attempt, channel, purpose, hunt }: PermitRequest, at: string): OpenPerson => {
  forgetDenial(state, contact);
  // Not by `push`: that makes room for sixteen more, and most people have one.
  state.attempts = stillCounted(state.attempts.concat({ contact, attempt, at, channel, purpose, hunt }), Date.parse(at));
  return state;
};

const forgetDenial = (state: OpenPerson, contact: ContactId): void => {
  state.denials = state.denials.filter((denial) => denial.contact !== contact);
};

type Attempts = OpenPerson["attempts"];

/**
 * What the rules can still ask for: all attempts of the longest period that a pack counts, and before that the last ones of two hunts, since
 * whichever hunt asks, the last contact by another one is among them.
 */
const stillCounted = (attempts: Attempts, now: number): Attempts => {
  const hunts = new Set<string>();
  const kept: Attempts = [];
  for (const attempt of attempts.toReversed()) {
    const age = now - Date.parse(attempt.at);
    const hunt = attempt.hunt ?? "";
    const isLastOfHunt = solicits(attempt) && hunts.size < 2 && !hunts.has(hunt) && age <= rememberedForMs;
    if (age > countedForMs && !isLastOfHunt) continue;
    if (solicits(attempt)) hunts.add(hunt);
    kept.push(attempt);
  }
  return kept.length === attempts.length ? attempts : kept.reverse();
};

const solicits = ({ purpose }: Attempts[number]): boolean => purpose !== "appointment" && purpose !== "service";

const decide = (state: Person, command: PersonCommand): Decision<PersonEvent, PersonRefusal> => {
  if (command.type === "Register") {
    const { person, number, facts } = command;
    // An erased person is known: no new key, no new number, and its opt-outs stay.
    return state.status === "unknown" ? accept({ type: "PersonRegistered", data: { person, number, facts } }) : accept();
  }
  return state.status === "unknown" ? refuse("unknown-person") : decideKnown(state, command);
};

const decideKnown = (state: OpenPerson, command: Exclude<PersonCommand, { type: "Register" }>): Decision<PersonEvent, PersonRefusal> => {
  switch (command.type) {
    case "OptOut": {
      const { by, channel, proof, at } = command;
      return state.optedOut === undefined ? accept({ type: "OptedOut", data: { by, channel, proof, at } }) : accept();
    }
    case "OptIn": {
      const { by, proof, at } = command;
      if (state.status === "erased") return refuse("erased");
      return state.optedOut === undefined ? accept() : accept({ type: "OptedIn", data: { by, proof, at } });
    }
    case "RecordConsent": {
      const { source, basis, text, at } = command;
      if (state.status === "erased") return refuse("erased");
      const known = state.consents.some((consent) => consent.source === source && consent.basis === basis && consent.at === at);
      return known ? accept() : accept({ type: "ConsentRecorded", data: { source, basis, text, at } });
    }
    case "WithdrawConsent":
      return state.consents.length === 0 ? accept() : accept({ type: "ConsentWithdrawn", data: { at: command.at } });
    case "RecordRefusal":
      return state.refusedAt !== undefined && state.refusedAt >= command.at
        ? accept()
        : accept({ type: "RefusalRecorded", data: { channel: command.channel, at: command.at } });
    case "AskPermit":
      return askPermit(state, command);
    case "ReturnPermit":
      return returnPermit(state, command);
    case "Erase":
      return state.status === "erased" ? accept() : accept({ type: "PersonErased", data: { by: command.by } });
    case "KeyDestroyed":
      if (state.status === "known") return refuse("not-erased");
      return state.keyDestroyed ? accept() : accept({ type: "PersonKeyDestroyed", data: {} });
    default:
      return unreachable(command);
  }
};

/** (contact, attempt) counts once, however often it is asked for; the gate says each time whether it may go. */
const askPermit = (state: OpenPerson, { request, policy, now }: Extract<PersonCommand, { type: "AskPermit" }>) => {
  const { contact, attempt, hunt } = request;
  const verdict = verdictOn(state, request, policy, now);
  if (verdict.kind === "allowed") {
    const counted = state.attempts.some((one) => one.contact === contact && one.attempt === attempt);
    return counted ? accept<PersonEvent>() : accept<PersonEvent>({ type: "AttemptPermitted", data: request });
  }
  const { rule } = verdict;
  const known = state.denials.some((denial) => denial.contact === contact && denial.attempt === attempt && denial.rule === rule);
  if (known) return accept<PersonEvent>();
  const until = verdict.kind === "deferred" ? verdict.until : undefined;
  return accept<PersonEvent>({ type: "AttemptDenied", data: { contact, attempt, hunt, rule, until } });
};

const returnPermit = (state: OpenPerson, { contact, attempts, countedBy, because }: ReturnPermit) => {
  const meant = (attempt: number): boolean => ("only" in attempts ? attempts.only === attempt : !attempts.allBut.includes(attempt));
  const returned = state.attempts.filter((one) => one.contact === contact && meant(one.attempt) && one.at <= countedBy);
  return accept<PersonEvent>(...returned.map(({ attempt }) => ({ type: "PermitReturned" as const, data: { contact, attempt, because } })));
};

/** The gate on what this person's own aggregate knows: a decision with `attempt`, a preview without. */
export const verdictOn = (state: OpenPerson, request: ContactRequest, policy: AccountPolicy, now: string): Verdict =>
  gate(request, factsOf(state), policy, now);

const factsOf = (state: OpenPerson): PersonFacts => ({
  number: state.facts,
  erased: state.status === "erased",
  optedOut: state.optedOut,
  refusals: state.refusedAt === undefined ? undefined : [{ at: state.refusedAt }],
  attempts: state.attempts,
  consents: state.consents,
});

/** One number as one account knows it: what was agreed to and refused, and who may write to it now. */
export const person: Decider<Person, PersonCommand, PersonEvent, PersonRefusal> = {
  initial,
  evolve,
  decide,
  closing: {
    event: (state, commands) => {
      if (state.status === "unknown") throw new TypeError("there is nothing to close before the registration");
      return { type: "PersonClosed", data: { state, commands: [...commands] } };
    },
    commands: (event) => (event.type === "PersonClosed" ? event.data.commands : undefined),
  },
};
