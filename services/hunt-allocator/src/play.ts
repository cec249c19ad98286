import type { Channel } from "@outrider/contracts/fields";
import { type HuntId, type LineId, runId } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { smsCommands } from "@outrider/contracts/sms";
import { type AccountsWatch, type Ask, type KnownAccount, Refusal } from "@outrider/platform";
import type { Candidates } from "./candidates.ts";
import { matcher } from "./matches.ts";
import type { Pass, Run } from "./run.ts";
import type { Capacity } from "./share.ts";
import type { HuntInPlay, Route } from "./survey.ts";
import { tallyError } from "./tally-error.ts";
import { type CheckedTemplate, checkTemplate } from "./templates.ts";
import type { HuntDocument, RequestedCount } from "./views.ts";

/** Credits per contact, by the channels that there is a sender for. */
export type Prices = Partial<Readonly<Record<Channel, number>>>;

/** What is left of a line, as its sender answers; undefined: there is no such line. */
export interface LineState {
  readonly paused: boolean;
  readonly leftToday: number | null;
  readonly perDay: number | null;
}
export type Lines = ReadonlyMap<LineId, LineState | undefined>;

/** A local calendar day and its ISO weekday in an account's zone. */
export const localDayOf = (timeZone: string, nowMs: number): string =>
  new Intl.DateTimeFormat("en-CA", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" }).format(nowMs);
export const weekdayOf = (date: string): number => new Date(`${date}T00:00:00Z`).getUTCDay() || 7;

/** What was asked for without a pass on a day of an account. */
export const requestedOn = (
  candidates: Pick<Candidates, "requested">,
  { account, timeZone }: Pick<KnownAccount, "account" | "timeZone">,
  date: string,
): Promise<RequestedCount> => candidates.requested(account, Date.parse(`${date}T12:00:00Z`), (ms) => localDayOf(timeZone, ms) === date);

export const runOf = (date: string) => runId.parse(date);

/** Active hunts that are due on this day. */
export const dueOn = (date: string, hunts: readonly HuntDocument[]): readonly HuntDocument[] => {
  const weekday = weekdayOf(date);
  return hunts.filter(({ status, definition }) => status === "active" && definition.weekdays.includes(weekday));
};

/** Asks each line's sender once what the line may still do. */
export const askLines = async (
  ask: Ask,
  { account }: KnownAccount,
  hunts: readonly HuntDocument[],
  options: Parameters<Ask>[2],
): Promise<Lines> => {
  const wanted = new Set(hunts.flatMap(({ definition }) => definition.lines.sms ?? []));
  const answers = await Promise.all(
    [...wanted].map(async (line) => {
      const { exists, paused, leftToday, limits } = await ask(smsCommands.line, { account, line }, options);
      return [line, exists ? { paused, leftToday, perDay: limits?.recipientsPerDay ?? null } : undefined] as const;
    }),
  );
  return new Map(answers);
};

/** Credits that may be reserved; 0 for an account that never had any. */
export const askBalance = async (ask: Ask, { account }: KnownAccount, options: Parameters<Ask>[2]): Promise<number> => {
  try {
    return Math.max(0, (await ask(ledgerCommands.balance, { account }, options)).available);
  } catch (error) {
    if (error instanceof Refusal && error.slug === "not-found") return 0;
    throw error;
  }
};

export interface PlayOptions {
  readonly account: KnownAccount;
  readonly accounts: Pick<AccountsWatch, "pausedBy">;
  readonly lines: Lines;
  readonly prices: Prices;
  readonly nowMs: number;
  readonly run: Pick<Run, "byHunt" | "byLine" | "allocatedToday">;
  /** What was asked for today without a pass. */
  readonly requested: RequestedCount;
  readonly pass?: Pick<Pass, "rows"> | undefined;
}

export interface Play {
  readonly hunts: readonly HuntInPlay[];
  readonly templates: ReadonlyMap<HuntId, ReadonlyMap<Channel, CheckedTemplate>>;
}

/** Hunts as they stand now, with what each of them may still do today. One that is broken is closed with its error; the others go on. */
export const playOf = (documents: readonly HuntDocument[], options: PlayOptions): Play => {
  const templates = new Map<HuntId, ReadonlyMap<Channel, CheckedTemplate>>();
  const hunts = documents.map((document): HuntInPlay => {
    const { hunt, definition } = document;
    const { run, pass, nowMs, requested } = options;
    const wants = matcher({ source: definition.source, criteria: definition.criteria }, nowMs);
    const allocatedToday = run.byHunt.get(hunt) ?? 0;
    const usedToday = allocatedToday + (requested.hunts[hunt] ?? 0);
    const left = definition.dailyLimit === null ? null : Math.max(0, definition.dailyLimit - usedToday);
    const { routes, problem } = routesOf(document, options);
    const texts = textsOf(document, routes);
    if (texts.ok) templates.set(hunt, texts.templates);
    const wrong = texts.ok ? problem : texts.problem;
    const error = wrong === undefined ? undefined : tallyError(wrong);
    const closed =
      closedBecause(document, options) ?? (error !== undefined && (routes.length === 0 || !texts.ok) ? "hunt-error" : undefined);
    return {
      ...{ hunt, priority: definition.priority, routes, wants, left, allocatedToday, allocatedInPass: pass?.rows.get(hunt) ?? 0 },
      ...{ closed: closed ?? (routes.length === 0 ? "line-paused" : undefined), error },
    };
  });
  return { hunts, templates };
};

const closedBecause = ({ hunt, status }: HuntDocument, { account, accounts }: PlayOptions): string | undefined => {
  if (status === "paused" || accounts.pausedBy(account.account, hunt) !== undefined) return status === "archived" ? "archived" : "paused";
  return status === "active" ? undefined : status;
};

const routesOf = (
  { definition }: HuntDocument,
  { prices, lines }: PlayOptions,
): { readonly routes: Route[]; readonly problem?: string } => {
  const routes: Route[] = [];
  let problem: string | undefined;
  let paused = false;
  for (const channel of definition.channels) {
    const price = prices[channel];
    const line = definition.lines[channel];
    if (price === undefined || line === undefined) {
      problem ??= `there is no sender for ${channel}`;
      continue;
    }
    const state = lines.get(line);
    if (state === undefined) problem ??= `line ${line} is not connected`;
    else if (state.paused) paused = true;
    else routes.push({ channel, line, price });
  }
  return problem === undefined || paused ? { routes } : { routes, problem };
};

const textsOf = (
  { definition }: HuntDocument,
  routes: readonly Route[],
): { readonly ok: true; readonly templates: ReadonlyMap<Channel, CheckedTemplate> } | { readonly ok: false; readonly problem: string } => {
  const templates = new Map<Channel, CheckedTemplate>();
  for (const { channel } of routes) {
    const checked = checkTemplate(definition.templates[channel] ?? "");
    if (!checked.ok) return { ok: false, problem: `templates.${channel}: ${checked.problem}` };
    templates.set(channel, checked.template);
  }
  return { ok: true, templates };
};

/** What this pass may still use. A line's own answer may lag behind what earlier passes gave it, so those rows count here as well. */
export const capacityOf = (
  { account, lines, run, requested }: Pick<PlayOptions, "account" | "lines" | "run" | "requested">,
  credits: number,
  contacts: number,
): Capacity => {
  const { dailyLimit } = account.policy;
  const left = [...lines].flatMap(([line, state]) => {
    if (state === undefined) return [];
    const byUs = state.perDay === null ? null : state.perDay - (run.byLine.get(line) ?? 0);
    return [[line, least(state.leftToday, byUs)] as const];
  });
  return {
    account: dailyLimit === null ? null : Math.max(0, dailyLimit - run.allocatedToday - requested.all),
    lines: new Map(left),
    credits,
    contacts,
  };
};

const least = (one: number | null, other: number | null): number | null =>
  one === null ? other : Math.max(0, other === null ? one : Math.min(one, other));
