import type { JetStreamManager } from "@nats-io/jetstream";
import { describeNumber } from "@outrider/contact-policy";
import type { Sealed } from "@outrider/contracts/define";
import type { NumberFacts } from "@outrider/contracts/fields";
import { type AccountId, type PersonId, personId } from "@outrider/contracts/ids";
import { personCodec } from "@outrider/contracts/registry";
import { parseSubject, streams, subjects } from "@outrider/contracts/streams";
import { type Asked, isNotFound, type Revision, Unavailable } from "@outrider/eventing";
import { erased, KeyDestroyed, type Keyring, keyIds, Refusal } from "@outrider/platform";
import { LRUCache } from "lru-cache";
import type { OpenAccount } from "./account.ts";
import type { Accounts, Persons } from "./aggregates.ts";
import { secretsOpen } from "./config.ts";
import { keyedHash, personIdOf } from "./person-id.ts";

/** What one number of a request turned out to be. */
export type Found =
  | { readonly kind: "person"; readonly person: PersonId; readonly facts: NumberFacts; readonly erased: boolean }
  | { readonly kind: "unknown"; readonly person: PersonId; readonly facts: NumberFacts }
  | { readonly kind: "invalid"; readonly reason: string };

export interface People {
  /** Answers in order. Unknown people are registered, unless that is not wanted. */
  readonly find: (
    account: AccountId,
    numbers: readonly Sealed[],
    options: { readonly postalCodes?: readonly (string | null)[] | undefined; readonly register: boolean },
    asked: Asked,
  ) => Promise<Found[]>;
  /** After an erasure: what is remembered of this person is void. */
  readonly forget: (account: AccountId, person: PersonId) => void;
}

interface Needs {
  readonly accounts: Accounts;
  readonly persons: Persons;
  readonly keyring: Keyring;
  readonly jsm: JetStreamManager;
  /** Numbers reserved for fiction are valid. */
  readonly sandbox: boolean;
  readonly remembered: number;
  /**
   * How long another replica's erasure may go unnoticed, ms. Less than the grace of an erased person's key, so that whatever is sealed under
   * it meanwhile is destroyed with it.
   */
  readonly rememberedMs: number;
}

interface Described {
  readonly person: PersonId;
  readonly e164: string;
  readonly facts: NumberFacts;
}
type Secret = ReturnType<typeof keyedHash>;
interface Known {
  readonly facts: NumberFacts;
  readonly erased: boolean;
}

/** Finds and registers people by their numbers, many at a time. */
export const peopleOf = (needs: Needs): People => {
  const { accounts, keyring, sandbox, remembered, rememberedMs } = needs;
  const memory: Memory = {
    known: new LRUCache<string, Known>({ max: remembered, ttl: rememberedMs, ttlResolution: 250 }),
    spelt: new LRUCache<string, PersonId>({ max: remembered }),
  };
  const secretOf = secretsIn(keyring);
  return {
    forget: (account, person) => void memory.known.delete(`${account}.${person}`),
    find: async (account, numbers, { postalCodes, register: wanted }, asked) => {
      const owner = await openAccount(accounts, account);
      const request: Request = { account, country: owner.country, secret: await secretOf(owner), missing: new Map(), answers: new Map() };
      const plain = await keyring.openMany(numbers);
      const rows = plain.map((number, at) => read(memory, request, { number, postalCode: postalCodes?.[at] ?? undefined, sandbox }));
      const { missing } = request;
      if (missing.size > 0) learn(memory, request, await lookUp(needs, account, [...missing.keys()]));
      if (missing.size > 0 && wanted) learn(memory, request, await register(needs, account, [...missing.values()], asked));
      return rows.map((row) => answerOf(row, request.answers));
    },
  };
};

/** What this replica remembers between requests. */
interface Memory {
  /** By account and person. */
  readonly known: LRUCache<string, Known>;
  /** By the keyed hash of how the number was written: reading a number costs more than all the rest of a repeat. */
  readonly spelt: LRUCache<string, PersonId>;
}

interface Request {
  readonly account: AccountId;
  readonly country: string;
  readonly secret: Secret;
  /** Nobody whom this replica knows. */
  readonly missing: Map<PersonId, Described>;
  readonly answers: Map<string, Known>;
}

const secretsIn = (keyring: Keyring): ((account: OpenAccount) => Promise<Secret>) => {
  const secrets = new LRUCache<AccountId, Secret>({ max: secretsOpen });
  return async ({ account, secret }) => {
    const open = secrets.get(account);
    if (open !== undefined) return open;
    const bytes = await keyring.openBytes(secret);
    if (bytes === erased) throw new Refusal("refused", "the account's key has been destroyed", "erased");
    const hash = keyedHash(bytes);
    secrets.set(account, hash);
    return hash;
  };
};

/** Whose number this is. Whoever is remembered is answered, anybody else is missing. */
const read = (
  { known, spelt }: Memory,
  { account, country, secret, missing, answers }: Request,
  { number, postalCode, sandbox }: { readonly number: string; readonly postalCode: string | undefined; readonly sandbox: boolean },
): Described | Repeat | Invalid => {
  const spelling = secret(number); // whose number it is does not depend on the postal code beside it
  const before = spelt.get(spelling);
  const remembers = before === undefined ? undefined : known.get(`${account}.${before}`);
  if (before !== undefined && remembers !== undefined) {
    answers.set(before, remembers);
    return { person: before };
  }
  const one = describe(number, { country, postalCode, sandbox, secret });
  if ("reason" in one) return one;
  spelt.set(spelling, one.person);
  const found = known.get(`${account}.${one.person}`);
  if (found === undefined) missing.set(one.person, one);
  else answers.set(one.person, found);
  return one;
};

const learn = ({ known }: Memory, { account, missing, answers }: Request, learned: ReadonlyMap<PersonId, Known>): void => {
  for (const [person, facts] of learned) {
    known.set(`${account}.${person}`, facts);
    answers.set(person, facts);
    missing.delete(person);
  }
};

/** Of the people that this replica does not know: what the stream says. Those who are in it with more than their registration are folded. */
const lookUp = async (
  { jsm, persons }: Pick<Needs, "jsm" | "persons">,
  account: AccountId,
  ids: readonly PersonId[],
): Promise<Map<PersonId, Known>> => {
  const found = new Map<PersonId, Known>();
  const told: { readonly person: PersonId; readonly seq: Revision }[] = [];
  for (const { person, seq, facts } of await lastMessages(jsm, account, ids)) {
    if (facts === undefined) told.push({ person, seq });
    else found.set(person, { facts, erased: false });
  }
  await Promise.all(
    told.map(async ({ person, seq }) => {
      const subject = subjects.person(account, person);
      const cached = await persons.fold(subject, { fresh: false });
      // Another replica may have erased them since.
      const { state } = cached.revision < seq ? await persons.fold(subject) : cached;
      if (state.status !== "unknown") found.set(person, { facts: state.facts, erased: state.status === "erased" });
    }),
  );
  return found;
};

/** One append each, all at once. Who was erased and forgotten has a key that can never be made again, and stays so. */
const register = async (
  { keyring, persons }: Pick<Needs, "keyring" | "persons">,
  account: AccountId,
  newcomers: readonly Described[],
  asked: Asked,
): Promise<Map<PersonId, Known>> => {
  const destroyed = await destroyedAmong(keyring, account, newcomers);
  const living = newcomers.filter(({ person }) => !destroyed.has(keyIds.person(account, person)));
  const numbers = await keyring.sealMany(living.map(({ person, e164 }) => ({ keyId: keyIds.person(account, person), plain: e164 })));
  const registered = new Map<PersonId, Known>();
  for (const { person, facts } of newcomers) registered.set(person, { facts, erased: destroyed.has(keyIds.person(account, person)) });
  await Promise.all(
    living.map(async ({ person, facts }, index) => {
      const number = numbers[index];
      if (number === undefined) throw new TypeError("every number was sealed");
      const command = { type: "Register", person, number, facts } as const;
      const commandId = `${asked.commandId}:${person}`;
      const { state } = await persons.execute(subjects.person(account, person), command, { ...asked, commandId, creates: true });
      // Somebody else may have been first, with what another ad told of the number.
      if (state.status !== "unknown") registered.set(person, { facts: state.facts, erased: state.status === "erased" });
    }),
  );
  return registered;
};

/** A number that was read before, of somebody who is known. */
interface Repeat {
  readonly person: PersonId;
}
interface Invalid {
  readonly reason: string;
}

const answerOf = (row: Described | Repeat | Invalid, answers: ReadonlyMap<string, Known>): Found => {
  if ("reason" in row) return { kind: "invalid", reason: row.reason };
  const found = answers.get(row.person);
  if (found !== undefined) return { kind: "person", person: row.person, ...found };
  if ("facts" in row) return { kind: "unknown", person: row.person, facts: row.facts };
  throw new TypeError("a repeat is somebody who is known");
};

/** Makes the keys of these people, and names those of them that have been destroyed for ever. */
const destroyedAmong = async (keyring: Keyring, account: AccountId, people: readonly Described[]): Promise<ReadonlySet<string>> => {
  try {
    await keyring.ensure(
      people.map(({ person }) => keyIds.person(account, person)),
      { likelyNew: true },
    );
    return new Set();
  } catch (error) {
    if (error instanceof KeyDestroyed) return new Set(error.keyIds);
    throw error;
  }
};

/** The account that a command is about. Throws the refusal `not-found`. */
export const openAccount = async (accounts: Accounts, account: AccountId): Promise<OpenAccount> => {
  const subject = subjects.account(account);
  const { state } = await accounts.fold(subject, { fresh: false });
  if (state.status === "open") return state;
  const { state: fresh } = await accounts.fold(subject);
  if (fresh.status === "open") return fresh;
  throw new Refusal("not-found", "there is no such account");
};

const describe = (
  number: string,
  { country, postalCode, sandbox, secret }: { country: string; postalCode: string | undefined; sandbox: boolean; secret: Secret },
): Described | Invalid => {
  if (number === erased) return { reason: "the key of this number has been destroyed" };
  const found = describeNumber(number, { defaultCountry: country, fiction: sandbox, postalCode });
  if (found.kind === "invalid") return { reason: found.reason };
  return { person: personIdOf(secret, found.e164), e164: found.e164, facts: found.facts };
};

/** The last message of each of these people, all in one request; `facts` when it is the registration itself. */
const lastMessages = async (
  jsm: JetStreamManager,
  account: AccountId,
  ids: readonly PersonId[],
): Promise<{ readonly person: PersonId; readonly seq: Revision; readonly facts: NumberFacts | undefined }[]> => {
  const multi_last = ids.map((id) => subjects.person(account, id));
  const found: { person: PersonId; seq: Revision; facts: NumberFacts | undefined }[] = [];
  try {
    for await (const message of await jsm.direct.getLastMessagesFor(streams.registry.name, { multi_last, batch: ids.length })) {
      const stored = personCodec.decode(message.data);
      const event = stored.kind === "events" && stored.events.length === 1 ? stored.events[0] : undefined;
      const facts = event?.type === "PersonRegistered" ? event.data.facts : undefined;
      found.push({ person: personId.parse(parseSubject(message.subject)?.id), seq: message.seq, facts });
    }
  } catch (error) {
    // "None of these exists" ends the batch with an error instead of an empty page.
    if (!isNotFound(error)) throw new Unavailable("JetStream did not answer", { cause: error });
  }
  return found;
};
