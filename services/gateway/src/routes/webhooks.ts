import { webhook } from "@outrider/contracts/api";
import { accountId } from "@outrider/contracts/ids";
import { Refusal } from "@outrider/platform";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { limits, providers } from "../config.ts";
import { inboxOf } from "../inbox.ts";
import type { Gateway } from "../parts.ts";
import { problem } from "../problems.ts";
import type { Api } from "../request.ts";
import { isWebhookSecret } from "./lines.ts";

interface Address {
  readonly provider: string;
  readonly account: string;
  readonly secret: string;
}

/** Whatever providers send: checked for its secret and size, stored sealed, answered. Nobody looks into it here. */
export const webhookRoutes = async (app: Api, { service, kernel }: Gateway): Promise<void> => {
  const { config, instruments, metrics } = service;
  const store = inboxOf(kernel, service);
  const { url: route } = webhook.byBody;
  const take = async (request: FastifyRequest<{ Params: Address }>, reply: FastifyReply): Promise<void> => {
    const { provider, secret } = request.params;
    const account = accountId.safeParse(request.params.account);
    const ours = account.success && Object.hasOwn(providers, provider);
    if (!ours || !isWebhookSecret(config.OUTRIDER_WEBHOOK_SECRET, provider, account.data, secret)) {
      metrics.count("webhooks_total", { provider: ours ? provider : "other", outcome: "refused" });
      throw new Refusal("not-found", "there is no such webhook");
    }
    const { headers } = request;
    const parent = headers["traceparent"];
    const query = queryOf(request.query);
    const body = Buffer.isBuffer(request.body) ? request.body.toString("utf8") : "";
    await instruments.span(
      {
        name: `${request.method} ${route}`,
        kind: "server",
        attributes: { "http.request.method": request.method, "http.route": route },
        ...(typeof parent === "string" ? { parent } : {}),
      },
      (traceparent) => store({ provider, account: account.data, headers, query, body, traceparent }),
    );
    metrics.count("webhooks_total", { provider, outcome: "stored" });
    reply.code(200).send({ received: true });
  };
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: limits.webhookBytes }, (_request, body, done) => done(null, body));
    const schema = {
      tags: ["webhooks"],
      security: [],
      response: { 200: z.object({ received: z.literal(true) }), "4xx": problem, "5xx": problem },
    };
    const bodyLimit = limits.webhookBytes;
    const told = { ...schema, summary: "Where a provider tells us something" };
    scope.route<{ Params: Address }>({ ...webhook.byBody, bodyLimit, schema: told, handler: take });
    scope.route<{ Params: Address }>({ ...webhook.byQuery, schema: { ...schema, summary: "The same, by query" }, handler: take });
  });
};

const queryOf = (query: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(query ?? {}).map(([name, value]) => [name, Array.isArray(value) ? value.map(String).join(",") : String(value)]),
  );
