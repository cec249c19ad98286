import { createHash } from "node:crypto";
import type { InboxRow } from "./answers.ts";
import type { Destination } from "./webhooks.ts";

/** All that the platform keeps for one API key. */
export type Account = {
  /** First 12 hex digits of the key's SHA-256. */
  id: string;
  /** The account's one phone. */
  sid: string;
  /** Per recipient: how often it was asked for, and the last row about it. */
  numbers: Map<string, { attempts: number; last: number }>;
  /** Recipients that have answered by themselves. */
  replied: Set<string>;
  inbox: { row: InboxRow; read: boolean }[];
  received: number;
  destination: Destination | undefined;
};

const accountsLimit = 10_000;
const inboxLimit = 50_000;

export const keyHash = (apiKey: string): string => createHash("sha256").update(apiKey).digest("hex").slice(0, 12);

export class Accounts {
  readonly #byId = new Map<string, Account>();
  readonly #byKey = new Map<string, Account>();
  readonly #keys: ReadonlySet<string> | undefined;
  readonly #usual: Destination | undefined;

  constructor(keys: readonly string[] | undefined, usual: Destination | undefined) {
    this.#keys = keys === undefined ? undefined : new Set(keys);
    this.#usual = usual;
  }

  get count(): number {
    return this.#byId.size;
  }

  /** The account of a key, or undefined when the platform does not accept the key. */
  of(apiKey: string): Account | undefined {
    const known = this.#byKey.get(apiKey);
    if (known !== undefined) return known;
    const accepted = this.#keys === undefined ? apiKey !== "" && !apiKey.startsWith("bad") : this.#keys.has(apiKey);
    if (!accepted || this.#byKey.size >= accountsLimit) return undefined;
    const account = this.withId(keyHash(apiKey));
    this.#byKey.set(apiKey, account);
    return account;
  }

  /** The account by the hash of its key, as an old log names it; made when it is new. */
  withId(id: string): Account {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const account: Account = {
      id,
      sid: `phone-${id}`,
      numbers: new Map(),
      replied: new Set(),
      inbox: [],
      received: 0,
      destination: this.#usual,
    };
    this.#byId.set(id, account);
    return account;
  }

  withPhone(sid: string): Account | undefined {
    return [...this.#byId.values()].find((account) => account.sid === sid);
  }

  /** The account that last asked for this number. */
  lastToAsk(number: string): Account | undefined {
    let found: { account: Account; last: number } | undefined;
    for (const account of this.#byId.values()) {
      const last = account.numbers.get(number)?.last;
      if (last !== undefined && (found === undefined || last > found.last)) found = { account, last };
    }
    return found?.account;
  }

  /** Forgets what happened and keeps who may call and where events go. */
  clear(): void {
    for (const account of this.#byId.values()) Object.assign(account, { numbers: new Map(), replied: new Set(), inbox: [], received: 0 });
  }
}

/** Counts one more call for a number. */
export function askFor(account: Account, to: string): { attempts: number; last: number } {
  let number = account.numbers.get(to);
  if (number === undefined) {
    number = { attempts: 0, last: -1 };
    account.numbers.set(to, number);
  }
  number.attempts++;
  return number;
}

/** Files a message from a person; the oldest one goes when the box is full. */
export function receive(account: Account, number: string, message: string, guid: string, at: Date): void {
  if (account.inbox.length >= inboxLimit) account.inbox.shift();
  const row = {
    id: account.received,
    sIdentifiantPhone: account.sid,
    timestamp_unix: Math.floor(at.getTime() / 1000),
    message,
    number,
    guid,
    alias: null,
  };
  account.inbox.push({ row, read: false });
}

/** The inbox, oldest first: strictly after a Unix second when given, and unread only when asked. Handing a message out marks it read. */
export function takeInbox(account: Account, onlyUnread: boolean, afterUnix: number | undefined): InboxRow[] {
  const taken = account.inbox.filter(
    ({ row, read }) => !(onlyUnread && read) && (afterUnix === undefined || row.timestamp_unix > afterUnix),
  );
  for (const message of taken) message.read = true;
  return taken.map(({ row }) => row);
}
