import type { HuntTally } from "@outrider/contracts/hunts";
import type { AdId, HuntId, LineId, PersonId } from "@outrider/contracts/ids";
import type { Eligible, HuntSurvey, Route } from "./survey.ts";

/** What a pass may use; null: no limit. */
export interface Capacity {
  /** People that the account may still write to today. */
  readonly account: number | null;
  /** By line; a line that is not named has nothing left. */
  readonly lines: ReadonlyMap<LineId, number | null>;
  readonly credits: number;
  /** Contacts in one pass, at most: bounds the memory that it takes. */
  readonly contacts: number;
}

export interface Row extends Route {
  readonly hunt: HuntId;
  readonly person: PersonId;
  readonly ad: AdId;
  readonly kept: string;
}

export interface Shared {
  readonly rows: readonly Row[];
  /** Credits that the rows cost. */
  readonly credits: number;
  readonly tallies: readonly HuntTally[];
}

/** How many contacts a pass could make at most, from its limits alone. */
export const mostContacts = (capacity: Capacity, lowestPrice: number): number => {
  const lines = [...capacity.lines.values()].reduce<number>((sum, left) => sum + (left ?? Number.POSITIVE_INFINITY), 0);
  const paid = lowestPrice === 0 ? Number.POSITIVE_INFINITY : Math.floor(capacity.credits / lowestPrice);
  return Math.max(0, Math.min(capacity.account ?? Number.POSITIVE_INFINITY, lines, paid, capacity.contacts));
};

/**
 * Gives out a pass's capacity: always to the hunt that has had least of the day for its priority (the least (contacts + 1) / priority, by id
 * when equal), which takes the person with its newest ad. So each hunt that has somebody left gets at least its share, rounded down,
 * and none starves. Pure: the same survey and capacity give the same rows, in the same order.
 */
export const share = (surveys: readonly HuntSurvey[], capacity: Capacity): Shared => {
  const left = new Left(capacity);
  const people = new Set<PersonId>();
  const rows: Row[] = [];
  let credits = 0;
  const takers = surveys.map((each) => new Taker(each, left, people)).toSorted((one, other) => (one.hunt < other.hunt ? -1 : 1));
  let waiting = takers.filter((taker) => taker.canGoOn());
  while (waiting.length > 0 && left.rule() === undefined) {
    const next = waiting.reduce((one, other) => (other.due() < one.due() ? other : one));
    const row = next.take();
    if (row !== undefined) {
      rows.push(row);
      credits += row.price;
    }
    if (!next.canGoOn()) waiting = waiting.filter((taker) => taker !== next);
  }
  return { rows, credits, tallies: takers.map((taker) => taker.tally()) };
};

/** What is left of the capacity that all hunts share. */
class Left {
  readonly #lines: Map<LineId, number | null>;
  #account: number | null;
  #credits: number;
  #contacts: number;

  constructor({ account, lines, credits, contacts }: Capacity) {
    this.#account = account;
    this.#lines = new Map(lines);
    this.#credits = credits;
    this.#contacts = contacts;
  }

  /** Why nobody can be written to any more, whatever the hunt. */
  rule(): string | undefined {
    if (this.#account !== null && this.#account <= 0) return "account-daily-limit";
    return this.#contacts <= 0 ? "pass-limit" : undefined;
  }

  obstacle({ line, price }: Route): string | undefined {
    const line_ = this.#lines.get(line);
    if (line_ === undefined || (line_ !== null && line_ <= 0)) return "line-daily-limit";
    return price > this.#credits ? "no-credits" : undefined;
  }

  use({ line, price }: Route): void {
    const line_ = this.#lines.get(line);
    if (typeof line_ === "number") this.#lines.set(line, line_ - 1);
    if (this.#account !== null) this.#account -= 1;
    this.#credits -= price;
    this.#contacts -= 1;
  }
}

/** One hunt and how far down its list it is. */
class Taker {
  readonly hunt: HuntId;
  readonly #survey: HuntSurvey;
  readonly #left: Left;
  readonly #people: Set<PersonId>;
  readonly #skipped: Map<string, number>;
  #next = 0;
  #allocated = 0;
  #obstacle: string | undefined;

  constructor(survey: HuntSurvey, left: Left, people: Set<PersonId>) {
    this.hunt = survey.hunt.hunt;
    this.#survey = survey;
    this.#left = left;
    this.#people = people;
    this.#skipped = new Map(survey.skipped);
  }

  due(): number {
    const { allocatedToday, priority } = this.#survey.hunt;
    return (allocatedToday + this.#allocated + 1) / priority;
  }

  canGoOn(): boolean {
    return this.#next < this.#survey.eligible.length && !this.#full();
  }

  take(): Row | undefined {
    for (; this.#next < this.#survey.eligible.length; this.#next++) {
      const one = this.#survey.eligible[this.#next];
      if (one === undefined) return undefined;
      const route = this.#people.has(one.person) ? undefined : this.#routeFor(one);
      if (route === undefined) {
        this.#pass(one);
        continue;
      }
      this.#next++;
      this.#allocated += 1;
      this.#skip("already-contacted", one.pairs - 1);
      this.#people.add(one.person);
      this.#left.use(route);
      return { ...route, hunt: this.hunt, person: one.person, ad: one.ad, kept: one.kept };
    }
    return undefined;
  }

  tally(): HuntTally {
    const { eligible, beyond, found, allocatedInPass, hunt } = this.#survey;
    const why = this.#full() ? "hunt-daily-limit" : this.#left.rule();
    for (const one of eligible.slice(this.#next)) this.#pass(one, why);
    if (beyond > 0) this.#skip(why ?? this.#obstacle ?? this.#worst(this.#survey.hunt.routes) ?? "pass-limit", beyond);
    return {
      hunt: this.hunt,
      found,
      allocated: allocatedInPass + this.#allocated,
      skipped: Object.fromEntries([...this.#skipped].toSorted(([one], [other]) => (one < other ? -1 : 1))),
      ...(hunt.error === undefined ? {} : { error: hunt.error }),
    };
  }

  #full(): boolean {
    const { left } = this.#survey.hunt;
    return left !== null && this.#allocated >= left;
  }

  #routeFor({ routes }: Eligible): Route | undefined {
    const open = this.#survey.hunt.routes.filter((_, index) => (routes & (1 << index)) !== 0);
    const route = open.find((each) => this.#left.obstacle(each) === undefined);
    if (route === undefined) this.#obstacle = this.#worst(open);
    return route;
  }

  /** Where credits alone are missing for one of the routes, they are the reason. */
  #worst(routes: readonly Route[]): string | undefined {
    const obstacles = routes.map((route) => this.#left.obstacle(route));
    return obstacles.find((obstacle) => obstacle === "no-credits") ?? obstacles[0];
  }

  #pass(one: Eligible, why?: string): void {
    const rule = this.#people.has(one.person) ? "contacted-recently" : (why ?? this.#obstacle ?? "no-credits");
    this.#skip(rule, one.pairs);
  }

  #skip(rule: string, pairs: number): void {
    if (pairs > 0) this.#skipped.set(rule, (this.#skipped.get(rule) ?? 0) + pairs);
  }
}
