/**
 * The HTTP API: every route with its method, its path and the names that its query knows. The gateway serves it, the command `outrider`
 * asks it. What bodies and answers hold is in the gateway's schemas, and so in its OpenAPI document.
 */

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** `url` is a template: `/v1/hunts/:hunt` takes the parameter `hunt`. */
export interface Route<Url extends string = string, Name extends string = string> {
  readonly method: Method;
  readonly url: Url;
  /** Names of the query's fields. */
  readonly query: readonly Name[];
}

const by =
  (method: Method) =>
  <Url extends `/${string}`, Name extends string = never>(url: Url, query: readonly Name[] = []): Route<Url, Name> => ({
    method,
    url,
    query,
  });
const [get, post, put, patch, remove] = [by("GET"), by("POST"), by("PUT"), by("PATCH"), by("DELETE")];

/** Of every list that goes on. */
const pages = ["cursor", "limit", "waitFor"] as const;

/** All routes under `/v1`. */
export const v1 = {
  accounts: {
    create: post("/v1/accounts"),
    list: get("/v1/accounts", pages),
    show: get("/v1/account"),
    changePolicy: patch("/v1/account/policy"),
    confirmOfferToBuy: post("/v1/account/confirm-offer-to-buy"),
    addKey: post("/v1/account/api-keys"),
    revokeKey: remove("/v1/account/api-keys/:key"),
    pause: post("/v1/pause"),
    resume: post("/v1/resume"),
  },
  system: {
    pause: post("/v1/system/pause"),
    resume: post("/v1/system/resume"),
  },
  lines: {
    connect: post("/v1/lines"),
    list: get("/v1/lines", pages),
    changeLimits: patch("/v1/lines/:line/limits"),
    pause: post("/v1/lines/:line/pause"),
    resume: post("/v1/lines/:line/resume"),
    test: post("/v1/lines/:line/test"),
  },
  hunts: {
    create: post("/v1/hunts"),
    list: get("/v1/hunts", [...pages, "status"]),
    show: get("/v1/hunts/:hunt", ["waitFor"]),
    change: put("/v1/hunts/:hunt"),
    activate: post("/v1/hunts/:hunt/activate"),
    pause: post("/v1/hunts/:hunt/pause"),
    resume: post("/v1/hunts/:hunt/resume"),
    archive: post("/v1/hunts/:hunt/archive"),
    previewTemplate: post("/v1/templates/preview"),
  },
  imports: {
    start: post("/v1/imports", ["source", "fictionNumbers", "fileName"]),
    list: get("/v1/imports", pages),
    show: get("/v1/imports/:import"),
  },
  ads: {
    list: get("/v1/ads", [...pages, "person"]),
  },
  runs: {
    start: post("/v1/runs"),
    dryRun: post("/v1/runs/dry-run"),
    list: get("/v1/runs", pages),
    show: get("/v1/runs/:run"),
    watch: get("/v1/runs/:run/events"),
  },
  contacts: {
    request: post("/v1/contacts"),
    list: get("/v1/contacts", [...pages, "status", "hunt", "run", "person"]),
    show: get("/v1/contacts/:contact", ["waitFor"]),
    resolve: post("/v1/contacts/:contact/resolve"),
  },
  replies: {
    list: get("/v1/replies", [...pages, "hunt", "mark", "person"]),
    show: get("/v1/replies/:inbound", ["waitFor"]),
    mark: post("/v1/replies/:inbound/mark"),
    answer: post("/v1/replies/:inbound/answer"),
  },
  people: {
    lookUp: post("/v1/people/lookup"),
    show: get("/v1/people/:person", ["waitFor"]),
    why: get("/v1/people/:person/why"),
    export: get("/v1/people/:person/export"),
    optOut: post("/v1/people/:person/opt-out"),
    optIn: post("/v1/people/:person/opt-in"),
    addRefusal: post("/v1/people/:person/refusals"),
    addConsent: post("/v1/people/:person/consents"),
    withdrawConsents: remove("/v1/people/:person/consents"),
    erase: post("/v1/people/:person/erase"),
  },
  credits: {
    show: get("/v1/credits"),
    statement: get("/v1/credits/statement", pages),
    grant: post("/v1/credits/grants"),
  },
  inspection: {
    history: get("/v1/history", ["subject", "event", "from", "limit"]),
    state: get("/v1/state", ["subject", "at"]),
  },
  dead: {
    list: get("/v1/dead", ["service", "limit"]),
    show: get("/v1/dead/:service/:seq"),
    retry: post("/v1/dead/:service/:seq/retry"),
    drop: remove("/v1/dead/:service/:seq"),
  },
  views: {
    list: get("/v1/views"),
    rebuild: post("/v1/views/:view/rebuild"),
    verify: post("/v1/views/:view/verify"),
  },
  webhooks: {
    unmatched: get("/v1/webhooks/unmatched", pages),
  },
  openapi: {
    show: get("/v1/openapi.json"),
  },
} as const;

/** Where a provider tells us something, in a body or in a query of its own names. */
export const webhook = {
  byBody: post("/webhooks/:provider/:account/:secret"),
  byQuery: get("/webhooks/:provider/:account/:secret"),
};

type ParamIn<Url extends string> = Url extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParamIn<Rest>
  : Url extends `${string}:${infer Name}`
    ? Name
    : never;

/** A value for each parameter of a route's path. */
export type ParamsOf<R extends Route> = { readonly [Name in ParamIn<R["url"]>]: string | number };
/** Fields of a route's query; those that are undefined are left out. */
export type QueryOf<R extends Route> = { readonly [Name in R["query"][number]]?: string | number | boolean | undefined };

/**
 * A route's path with its parameters, encoded, and its query. @throws RangeError for a parameter that is missing or empty, or that no
 * path can hold.
 */
export const pathTo = <R extends Route>(route: R, params: ParamsOf<R>, query: QueryOf<R> = {}): string => {
  const values: Readonly<Record<string, string | number>> = params;
  const path = route.url.replaceAll(/:(\w+)/g, (_all, name: string) => segmentOf(route, name, values[name]));
  const asked = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as const]));
  return asked.length === 0 ? path : `${path}?${new URLSearchParams(Object.fromEntries(asked))}`;
};

const segmentOf = ({ url }: Route, name: string, value: string | number = ""): string => {
  const text = String(value);
  const what = `the parameter ${name} of ${url}`;
  if (text === "") throw new RangeError(`${what} is empty`);
  // Whoever reads an address takes dots, also encoded ones, for a step and drops them; a broken half of a character has no encoding.
  if (text === "." || text === ".." || !text.isWellFormed())
    throw new RangeError(`${what} is ${JSON.stringify(text)}, which no path can hold`);
  return encodeURIComponent(text);
};
