import { accountId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import type { Endpoint } from "./endpoint.ts";
import { cannotRun } from "./failure.ts";

/** What can be named by its id. */
const byId = {
  contact: subjects.smsContact,
  person: subjects.person,
  hunt: subjects.hunt,
  run: subjects.run,
  ad: subjects.ad,
  import: subjects.import,
  line: subjects.smsLine,
} as const;
/** There is one of these in an account. */
const single = { balance: subjects.balance, account: subjects.account } as const;

/** The subject of `contact:<id>`, `balance` and the like in an account; a whole subject stays as it is. @throws Failure (2) */
export const subjectOf = (what: string, account: () => string): string => {
  if (what.includes(".")) return what;
  const mark = what.indexOf(":");
  const [kind, id] = mark < 0 ? [what, undefined] : [what.slice(0, mark), what.slice(mark + 1)];
  const alone = Object.entries(single).find(([name]) => name === kind)?.[1];
  if (alone !== undefined && id === undefined) return alone(accountId.parse(account()));
  const named = Object.entries(byId).find(([name]) => name === kind)?.[1];
  if (named === undefined || id === undefined || !/^[A-Za-z0-9_-]{1,64}$/.test(id)) {
    throw cannotRun(
      `"${what}" names nothing: write contact:<id> or the like, balance, account, or a whole subject (\`--help\` lists them).`,
    );
  }
  return named(accountId.parse(account()), id);
};

/** An event as histories name what caused them: STREAM:sequence. */
export const isEvent = (what: string): boolean => /^[A-Z]+:\d+$/.test(what);

/** Whose things are meant: what was told, else the account that the key names. @throws Failure (2) */
export const accountOfKey = ({ key, account }: Pick<Endpoint, "key" | "account">): string => {
  const found = account ?? /^or_([A-Za-z0-9_-]{1,64})_[A-Za-z0-9_-]{43}$/.exec(key)?.[1];
  if (found === undefined || !accountId.safeParse(found).success) {
    throw cannotRun("The key names no account: say whose with --account, or give a whole subject.");
  }
  return found;
};
