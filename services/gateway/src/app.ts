import swagger from "@fastify/swagger";
import { v1 } from "@outrider/contracts/api";
import { randomId, type Service } from "@outrider/platform";
import fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import { jsonSchemaTransform, validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { type GatewayConfig, limits } from "./config.ts";
import { methodsAt } from "./methods.ts";
import { problemFrom, problemOf, problemType } from "./problems.ts";
import type { Api } from "./request.ts";

const retryAfterSeconds = "1";

/** An empty server: how bodies are read, schemas are checked and errors are told. Routes are added by whoever opens the gateway. */
export const createApp = async (service: Service<GatewayConfig>): Promise<Api> => {
  const tell = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const told = problemFrom(error);
    if (told === undefined) {
      service.log.error(
        { error, method: request.method, route: request.routeOptions?.url, request: request.id },
        "a request failed unexpectedly",
      );
    }
    return sendProblem(reply, told ?? problemOf("internal", `something failed here; request ${request.id}`), request.id);
  };
  const app: Api = fastify({
    logger: false,
    genReqId: randomId,
    bodyLimit: limits.jsonBytes,
    requestTimeout: service.config.GATEWAY_REQUEST_TIMEOUT_MS,
    // Account, provider and secret of a webhook, ids and cursors: none is longer.
    routerOptions: { maxParamLength: 256 },
    // What fails before a route is found has no hooks.
    frameworkErrors: (error, request, reply) => void tell(error, request, reply.headers(safe)),
    forceCloseConnections: "idle",
    // A webhook is stored for every request, so none may come from a mere look.
    exposeHeadRoutes: false,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  // What is answered was read with a schema already, or made here under the compiler's eyes.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.decorateRequest("caller", undefined);
  app.decorateRequest("traceparent", "");
  app.decorateRequest("commandId", "");
  app.decorateRequest("repeatable", false);
  app.decorateRequest("digest", undefined);
  readJson(app);
  addSafeHeaders(app);
  app.setErrorHandler((error, request, reply) => tell(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const taken = methodsAt(request.url);
    if (taken.length === 0) {
      return sendProblem(reply, problemOf("not-found", `there is no such route; see ${v1.openapi.show.url}`), request.id);
    }
    const allow = taken.join(", ");
    const told = problemOf("invalid-request", `this address takes ${allow}, not ${request.method}`, { status: 405 });
    return sendProblem(reply.header("allow", allow), told, request.id);
  });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Outrider", version: "1", description },
      servers: [{ url: "/", description: "this gateway" }],
      tags: tags.map((name) => ({ name })),
      components: {
        securitySchemes: {
          key: { type: "http", scheme: "bearer", description: "an account's key, or the admin key with the header Outrider-Account" },
        },
      },
      security: [{ key: [] }],
    },
    transform: jsonSchemaTransform,
  });
  return app;
};

const description = `Contacts people on behalf of businesses, lawfully and at most once.

- **Keys.** \`Authorization: Bearer or_…\`, the key of an account. With the admin key, name the account in the header \`Outrider-Account\`.
- **Repeating.** Send an \`Idempotency-Key\` with every POST, and the same one when no answer came: it is carried out once. The same key
  with another request is refused (\`idempotency-key-reused\`).
- **Reading what was changed.** Changes answer with a \`seq\`; lists that are asked with \`waitFor=<seq>\` wait until they know of it.
- **Pages.** A list answers \`next\` while there is more; ask again with \`cursor=<next>\`.
- **Errors** are \`application/problem+json\`: \`type\` says what kind it is, \`rule\` which rule said no, \`detail\` what to do about it.`;

/** In the order in which somebody who begins meets them. */
const tags = [
  ...["accounts", "lines", "hunts", "ads", "runs", "contacts", "replies", "people", "credits", "pauses"],
  ...["inspection", "dead letters", "read models", "webhooks", "openapi"],
];

/** Make an answer harmless wherever it is opened. */
const contentSecurityPolicy = "content-security-policy";
const safe = {
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  [contentSecurityPolicy]: "default-src 'none'; frame-ancestors 'none'",
} as const;

const addSafeHeaders = (app: Api): void => {
  app.addHook("onSend", (_request, reply, payload, next) => {
    const own = reply.getHeader(contentSecurityPolicy); // a page that loads something has said what
    reply.headers(own === undefined ? safe : { ...safe, [contentSecurityPolicy]: own });
    next(null, payload);
  });
};

const sendProblem = (reply: FastifyReply, told: ReturnType<typeof problemOf>, request: string): FastifyReply => {
  if (told.status === 503) reply.header("retry-after", retryAfterSeconds);
  if (told.status === 401) reply.header("www-authenticate", "Bearer");
  // Its own JSON: a route's schema is not for its problems.
  return reply
    .code(told.status)
    .type(problemType)
    .serializer((value: string) => value)
    .send(JSON.stringify({ ...told, request }));
};

/** As the framework does it, but an empty body with the type of JSON is none. */
const readJson = (app: Api): void => {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body === "") done(null, undefined);
    else parse(request, body.toString(), done);
  });
};
