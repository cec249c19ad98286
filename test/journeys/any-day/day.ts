import { type AccountId, accountId } from "@outrider/contracts/ids";
import type { BlowLog } from "../../chaos/blows.ts";
import type { Chronicle } from "../../chaos/chronicle.ts";
import type { Dice } from "../../chaos/seed.ts";
import type { Problem } from "../../chaos/verdict.ts";
import type { Answer, Shop } from "../../http.ts";
import type { World } from "../../world.ts";
import type { Said } from "./said.ts";

/** One row of a file, and the files that were imported: they come again, and changed. */
export interface AdRow {
  readonly id: number;
  readonly owner: number;
  readonly price: number;
  readonly edition: number;
}

/** A contact that was asked for by hand, to be asked for again with the same key. */
export interface Asked {
  readonly key: string;
  readonly body: Readonly<Record<string, unknown>>;
  contact: string | undefined;
}

/** One account as its operator, its people and its provider use it. What it holds is what to do next, never what to expect. */
export interface House extends Shop {
  /** Stands in everything that is this account's, and in nothing that is another one's. */
  readonly word: string;
  readonly vendorKey: string;
  readonly files: (readonly AdRow[])[];
  readonly hunts: string[];
  readonly asked: Asked[];
  readonly erased: Set<number>;
  /** Who asked to be left alone, or was erased: they are written to more often than others, and at the end. */
  readonly left: Set<number>;
  /** How many messages people wrote to its line. */
  wrote: number;
  /** All that was carried out, to be asked for again. */
  readonly said: readonly Said[];
}

export interface Day {
  readonly world: World;
  readonly dice: Dice;
  readonly houses: readonly House[];
  readonly chronicle: Chronicle;
  readonly log: BlowLog;
  /** A sender that is killed leaves attempts that are called unknown a minute later: only for those who have the time. */
  readonly patient: boolean;
  /** What was wrong the moment it was seen. */
  readonly seen: Problem[];
  /** A number that nothing else of this day has. */
  readonly count: () => number;
  /** The sandbox's time, `ms` from now. */
  readonly at: (ms: number) => string;
}

/** So few that everything happens to the same people, in both accounts. */
export const owners = 60;
const first = 33_639_980_000;
export const numberOf = (owner: number): string => `+${first + owner}`;
export const ownerOf = (number: string): number => Number(number.slice(1)) - first;
/** Every personal word of the day holds it: names, what ads and messages say, what people write. */
export const personal = "Zqperso";

/** In each text, what tells the messages of one contact from all others to the same number. */
export const marked = (kind: "hunt" | "request" | "answer", count: number): string => `[${kind} ${count}]`;
export const markIn = (text: string): string => /\[(?:hunt|request|answer) \d+\]/.exec(text)?.[0] ?? "[none]";

/** An answer that no caller should ever get. A service that is just being killed may say that it is not there. */
const isBroken = ({ status }: Answer): boolean => status >= 500 && status !== 503 && status !== 504;

/** What was answered, also when nobody did: a killed gateway. */
export const told = async (day: Day, what: string, call: () => Promise<Answer>): Promise<Answer> => {
  const answer = await call().catch((error: unknown): Answer => {
    if (!(error instanceof TypeError)) throw error;
    return { status: 0, body: undefined, text: "no answer" };
  });
  if (isBroken(answer)) day.seen.push({ what: `${what} was answered ${answer.status}: ${answer.text.slice(0, 300)}` });
  return answer;
};

/** How an operation's line in the report ends. */
export const shortly = ({ status, body }: Answer): string => {
  const rule = body?.rule ?? body?.type?.split("/").at(-1);
  return status < 300 ? String(status) : `${status}${rule === undefined ? "" : ` ${rule}`}`;
};

export const accountOf = ({ account }: Shop): AccountId => accountId.parse(account);
