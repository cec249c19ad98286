import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type ParamsOf, pathTo, type QueryOf, type Route } from "@outrider/contracts/api";
import { cannotRun, Failure, sentenceOf } from "./failure.ts";
import { textAt } from "./json.ts";

export interface ApiOptions {
  /** Of the gateway, without a path. */
  readonly url: string;
  readonly key: string;
  /** Names the account when the key is the administrator's. */
  readonly account?: string | undefined;
  /** How long a call is tried again while nobody answers, or what the gateway needs is away, ms. Default 0. */
  readonly patienceMs?: number;
}

interface Said<R extends Route> {
  readonly query?: QueryOf<R>;
  readonly body?: unknown;
  /** Of a POST: the same key again changes nothing; by default each call is a new one. */
  readonly idempotencyKey?: string | undefined;
  /** How long the answer may take. Default 30 s. */
  readonly timeoutMs?: number;
}
/** What is said beside the route: its parameters, if it has any, and the rest where there is something to say. */
type Asked<R extends Route> =
  Record<never, never> extends ParamsOf<R> ? [said?: Said<R>] : [said: Said<R> & { readonly params: ParamsOf<R> }];

/** The gateway's HTTP API. Every call throws a `Failure` when it is refused or nobody answers. */
export interface Api {
  readonly url: string;
  /** That is named beside an administrator's key. */
  readonly account: string | undefined;
  readonly ask: <R extends Route>(route: R, ...asked: Asked<R>) => Promise<unknown>;
  /** A POST whose body is streamed, from the start again when it is tried again. */
  readonly upload: <R extends Route>(route: R, query: QueryOf<R>, body: () => ReadableStream<Uint8Array>) => Promise<unknown>;
}

type Init = RequestInit & { duplex?: "half" };

const answerMs = 30_000;
const longestWaitMs = 2_000;
const uploadMs = 3_600_000;

/** What the gateway said no to; `slug` is the end of the problem's type. */
export class ApiRefusal extends Failure {
  readonly status: number;
  readonly slug: string;
  readonly rule: string | undefined;

  constructor(status: number, slug: string, message: string, rule: string | undefined) {
    super(status === 400 ? 2 : 1, message);
    this.status = status;
    this.slug = slug;
    this.rule = rule;
  }
}

/** The answer; undefined when the key of this `post` was used before for something else: what was done then stays as it is. */
export const unlessDone = async (posted: Promise<unknown>): Promise<unknown> => {
  try {
    return await posted;
  } catch (error) {
    if (error instanceof ApiRefusal && error.slug === "idempotency-key-reused") return undefined;
    throw error;
  }
};

/** Nobody answers, or not in time. */
class NoAnswer extends Failure {}

export const apiOf = ({ url, key, account, patienceMs = 0 }: ApiOptions): Api => {
  const headers = { authorization: `Bearer ${key}`, ...(account === undefined ? {} : { "outrider-account": account }) };

  /** Safe to repeat: a POST carries the same Idempotency-Key each time. */
  const call = async (method: string, path: string, init: () => Init, timeoutMs: number): Promise<unknown> => {
    const until = performance.now() + patienceMs;
    for (let waitMs = 100; ; waitMs = Math.min(2 * waitMs, longestWaitMs)) {
      try {
        return await answerOf(url, path, { ...init(), method }, timeoutMs);
      } catch (error) {
        if (!passes(error) || performance.now() + waitMs > until) throw error;
      }
      await sleep(waitMs);
    }
  };
  return {
    url,
    account,
    ask: async (route, ...[said = {}]) => {
      const posts = route.method === "POST";
      const { params = {}, query, body = posts ? {} : undefined, idempotencyKey = randomUUID(), timeoutMs = answerMs }: Loose = said;
      const init = {
        headers: {
          ...headers,
          ...(posts ? { "idempotency-key": idempotencyKey } : {}),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      };
      return call(route.method, addressOf(route, params, query), () => init, timeoutMs);
    },
    upload: async (route, query, body) => {
      const sent = { ...headers, "content-type": "text/csv", "idempotency-key": randomUUID() };
      return call(route.method, addressOf(route, {}, query), () => ({ headers: sent, body: body(), duplex: "half" }), uploadMs);
    },
  };
};

const answerOf = async (url: string, path: string, init: Init, timeoutMs: number): Promise<unknown> => {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(`${url}${path}`, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    text = await answer.text();
  } catch (error) {
    throw noAnswer(url, error);
  }
  if (!answer.ok) throw refusalOf(answer.status, text);
  return text === "" ? undefined : parsed(text, url);
};

/** The same of any route, for whoever does not know which. */
interface Loose extends Said<Route> {
  readonly params?: ParamsOf<Route>;
}

const addressOf = (route: Route, params: ParamsOf<Route>, query?: QueryOf<Route>): string => {
  try {
    return pathTo(route, params, query);
  } catch (error) {
    throw cannotRun(sentenceOf(error instanceof Error ? error.message : String(error)));
  }
};

const passes = (error: unknown): boolean =>
  error instanceof NoAnswer || (error instanceof ApiRefusal && [502, 503, 504].includes(error.status));

const parsed = (text: string, url: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw cannotRun(`${url} does not answer as Outrider's gateway does: set OUTRIDER_URL to the gateway's address.`);
  }
};

/** The last word of fetch's cause: ECONNREFUSED and the like. */
const noAnswer = (url: string, error: unknown): NoAnswer => {
  if (error instanceof Error && error.name === "TimeoutError") return new NoAnswer(1, `The gateway at ${url} did not answer in time.`);
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : cause instanceof Error ? cause.message : "no answer";
  return new NoAnswer(2, `Nobody answers at ${url} (${code}): start Outrider with \`outrider up\`, or set OUTRIDER_URL.`);
};

const refusalOf = (status: number, text: string): Failure => {
  let problem: unknown;
  try {
    problem = JSON.parse(text);
  } catch {
    problem = undefined;
  }
  const slug = textAt(problem, "type")?.split("/").at(-1) ?? "internal";
  const said = textAt(problem, "detail") ?? textAt(problem, "title") ?? `HTTP ${status}`;
  const sentence = `${sentenceOf(said)}${status === 401 ? " Check OUTRIDER_KEY." : ""}`;
  return new ApiRefusal(status, slug, sentence, textAt(problem, "rule"));
};
