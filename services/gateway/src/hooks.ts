import { Refusal, randomId, type Service } from "@outrider/platform";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type Caller, type Credentials, demand } from "./caller.ts";
import type { GatewayConfig } from "./config.ts";
import { refuseUnknown } from "./queries.ts";
import { digestOf } from "./repeats.ts";
import type { Api } from "./request.ts";

const idempotencyKey = /^[\x21-\x7e]{1,128}$/;

/** The end of a request whose answer says that we failed: tells the span so. */
class AnsweredWithError extends Error {
  override readonly name = "AnsweredWithError";
}

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

export const routeOf = (request: FastifyRequest): string => request.routeOptions.url ?? "unknown";

/** Everything of a request happens inside its span, which ends with the answer. */
export const traced = (
  { instruments }: Pick<Service, "instruments">,
  request: FastifyRequest,
  reply: FastifyReply,
  go: () => void,
): void => {
  const route = routeOf(request);
  const parent = single(request.headers["traceparent"]);
  const attributes = { "http.request.method": request.method, "http.route": route };
  const answered = instruments.span(
    { name: `${request.method} ${route}`, kind: "server", attributes, ...(parent === undefined ? {} : { parent }) },
    (traceparent) =>
      new Promise<void>((done, failed) => {
        request.traceparent = traceparent;
        reply.raw.once("close", () => (reply.statusCode >= 500 ? failed(new AnsweredWithError()) : done()));
        go();
      }),
  );
  answered.catch((error: unknown) => {
    if (!(error instanceof AnsweredWithError)) throw error;
  });
};

/** What all routes of the API share: a span, an id, safe headers, a known caller, a measured answer. */
export const addHooks = (api: Api, service: Service<GatewayConfig>, authenticate: (given: Credentials) => Promise<Caller>): void => {
  api.addHook("onRoute", ({ url, config }) => {
    if (config?.access === undefined) throw new TypeError(`the route ${url} does not say who may use it`);
  });
  api.addHook("onRequest", (request, reply, next) => {
    reply.header("x-request-id", request.id);
    traced(service, request, reply, next);
  });
  api.addHook("onRequest", async (request, reply) => {
    readCommandId(request, reply);
    const access = request.routeOptions.config.access ?? "operator";
    if (access === "public") return;
    const { headers, traceparent } = request;
    const named = single(headers["outrider-account"]);
    request.caller = await authenticate({ authorization: headers.authorization, named, traceparent });
    demand(access, request.caller);
  });
  // Schemas say which fields are needed; no body at all is an empty one.
  api.addHook("preValidation", (request, _reply, next) => {
    refuseUnknown(request.method, routeOf(request), request.query);
    if (request.method !== "GET" && request.body == null) request.body = {};
    if (request.caller !== undefined) request.digest = digestOf(request, service.keyring);
    next();
  });
  api.addHook("onResponse", (request, reply, next) => {
    const route = routeOf(request);
    const status = String(reply.statusCode);
    service.metrics.count("http_requests_total", { method: request.method, route, status });
    service.metrics.time("http_request_seconds", { method: request.method, route }, reply.elapsedTime / 1000);
    const level = reply.statusCode >= 500 ? "warn" : "debug";
    service.log[level](
      { method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime), request: request.id },
      "a request was answered",
    );
    next();
  });
};

/** With every change the id goes back to the caller, so that a repeat is possible when its answer was lost. */
const readCommandId = (request: FastifyRequest, reply: FastifyReply): void => {
  const given = single(request.headers["idempotency-key"]);
  if (given !== undefined && !idempotencyKey.test(given)) {
    throw new Refusal("invalid-request", "Idempotency-Key must be 1 to 128 printable characters without spaces");
  }
  request.repeatable = given !== undefined;
  request.commandId = given ?? randomId();
  if (request.method !== "GET") reply.header("idempotency-key", request.commandId);
};
