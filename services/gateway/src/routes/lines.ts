import { createHmac, timingSafeEqual } from "node:crypto";
import { pathTo, v1, webhook } from "@outrider/contracts/api";
import { documents } from "@outrider/contracts/documents";
import { smsProvider } from "@outrider/contracts/fields";
import { lineId } from "@outrider/contracts/ids";
import { lineLimits, smsCommands } from "@outrider/contracts/sms";
import { Refusal } from "@outrider/platform";
import { z } from "zod";
import type { Gateway } from "../parts.ts";
import { type Api, accountOf, callerOf } from "../request.ts";
import { by, changed, page, paging, problems, seq, waitFor } from "../shapes.ts";

const tags = ["lines"];
const params = z.object({ line: lineId });
const shown = documents.lines.omit({ account: true, _seq: true }).extend({ seq });
/** Fields without their defaults: what is not named stays as it is. */
const limitsChange = z
  .strictObject({
    minGapMs: z.int().min(0),
    jitterMs: z.int().min(0),
    recipientsPerDay: z.int().min(0).nullable(),
    recipientsPerMonth: z.int().min(0).nullable(),
    spread: z.boolean(),
  })
  .partial();

/** The part of a webhook's address that only the provider and we know. */
export const webhookSecret = (key: string, provider: string, account: string): string =>
  createHmac("sha256", key).update(`${provider}/${account}`).digest("base64url").slice(0, 32);

export const isWebhookSecret = (key: string, provider: string, account: string, given: string): boolean => {
  const expected = Buffer.from(webhookSecret(key, provider, account));
  const offered = Buffer.from(given);
  return offered.length === expected.length && timingSafeEqual(offered, expected);
};

export const lineRoutes = (api: Api, { ask, models, publicUrl, service }: Gateway): void => {
  const connected = z.object({
    line: lineId,
    online: z.boolean(),
    webhookUrl: z.string().describe("where the provider is to send its webhooks"),
    seq,
  });
  api.route({
    ...v1.lines.connect,
    config: { access: "admin" },
    schema: {
      tags,
      summary: "Connect a phone: checks the key with the provider and seals it",
      body: z.strictObject({
        line: lineId,
        provider: smsProvider,
        apiKey: z.string().min(1).max(500),
        webhookSecret: z.string().min(1).max(500).optional().describe("with which the provider signs its webhooks"),
        limits: limitsChange.default({}).describe("what is not named stays as it is, or has its default for a new line"),
      }),
      response: { 201: connected, ...problems },
    },
    handler: async (request, reply) => {
      const account = accountOf(request);
      const { provider, ...line } = request.body;
      const opened = await ask(request, smsCommands.connect, { account, provider, ...line });
      const secret = webhookSecret(service.config.OUTRIDER_WEBHOOK_SECRET, provider, account);
      reply.code(201);
      return { ...opened, webhookUrl: `${publicUrl()}${pathTo(webhook.byBody, { provider, account, secret })}` };
    },
  });
  api.route({
    ...v1.lines.list,
    config: { access: "read" },
    schema: { tags, summary: "All lines", querystring: z.object({ ...paging, waitFor }), response: { 200: page(shown), ...problems } },
    handler: async (request) => {
      await models.folded("lines", request.query.waitFor);
      const { items, ...more } = await models.page("lines", accountOf(request), {}, request.query);
      return { items: items.map(({ account: _account, _seq, ...line }) => ({ ...line, seq: _seq })), ...more };
    },
  });
  stateRoutes(api, ask);
};

const stateRoutes = (api: Api, ask: Gateway["ask"]): void => {
  api.route({
    ...v1.lines.changeLimits,
    config: { access: "write" },
    schema: { tags, summary: "Change what a line may send", params, body: limitsChange, response: { 200: changed, ...problems } },
    handler: (request) => ask(request, smsCommands.changeLimits, { account: accountOf(request), ...request.params, limits: request.body }),
  });
  api.route({
    ...v1.lines.pause,
    config: { access: "write" },
    schema: {
      tags,
      summary: "Nothing more leaves by this line",
      params,
      body: z.strictObject({ by, reason: z.string().min(1).max(500).default("asked for") }),
      response: { 200: changed, ...problems },
    },
    handler: (request) => {
      const { by = callerOf(request).actor, reason } = request.body;
      return ask(request, smsCommands.pauseLine, { account: accountOf(request), ...request.params, by, reason });
    },
  });
  api.route({
    ...v1.lines.resume,
    config: { access: "write" },
    schema: { tags, summary: "The line sends again", params, body: z.strictObject({ by }), response: { 200: changed, ...problems } },
    handler: (request) => {
      const { by = callerOf(request).actor } = request.body;
      return ask(request, smsCommands.resumeLine, { account: accountOf(request), ...request.params, by });
    },
  });
  const state = z.object({
    line: lineId,
    phone: z.enum(["online", "offline", "key-refused", "unanswered"]).describe("what the provider says of the line's phone, just now"),
    online: z.boolean(),
    paused: z.boolean(),
    leftToday: z.int().nullable().describe("people whom the line may still write to today; null: no limit"),
    limits: lineLimits.optional(),
  });
  api.route({
    ...v1.lines.test,
    config: { access: "read" },
    schema: {
      tags,
      summary: "Whether a line is connected, may send, and has its phone online; nothing is sent",
      params,
      body: z.strictObject({}),
      response: { 200: state, ...problems },
    },
    handler: async (request) => {
      const { line } = request.params;
      const { exists, paused, leftToday, limits } = await ask(request, smsCommands.line, { account: accountOf(request), line });
      if (!exists) throw new Refusal("not-found", "this line was never connected");
      const { phone } = await ask(request, smsCommands.testLine, { account: accountOf(request), line });
      return { line, phone, online: phone === "online", paused, leftToday, ...(limits === undefined ? {} : { limits }) };
    },
  });
};
