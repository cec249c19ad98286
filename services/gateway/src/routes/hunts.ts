import { v1 } from "@outrider/contracts/api";
import { documents } from "@outrider/contracts/documents";
import { channel } from "@outrider/contracts/fields";
import { criteria, huntCommands, huntDefinition } from "@outrider/contracts/hunts";
import { adId, huntId, idFromKey } from "@outrider/contracts/ids";
import { Refusal } from "@outrider/platform";
import { z } from "zod";
import type { Gateway } from "../parts.ts";
import { type Api, accountOf, callerOf } from "../request.ts";
import { by, changed, page, paging, problems, seq, waitFor } from "../shapes.ts";

const tags = ["hunts"];
const params = z.object({ hunt: huntId });
/** A misspelt name is told, and not taken for what was left out. */
const definition = huntDefinition.extend({ criteria: criteria.strict().prefault({}) }).strict();
const segments = z.object({ encoding: z.enum(["GSM-7", "UCS-2"]), characters: z.int(), segments: z.int() });
const saved = z.object({
  seq,
  sms: segments.optional(),
  warnings: z
    .array(z.string())
    .optional()
    .describe("what the law wants the text to say, and what keeps the hunt from writing to anybody as the account is now"),
});
const shown = documents.hunts.omit({ account: true, _seq: true }).extend({ seq });
type HuntDocument = z.output<typeof documents.hunts>;
const show = ({ account: _account, _seq, ...hunt }: HuntDocument) => ({ ...hunt, seq: _seq });

export const huntRoutes = (api: Api, { ask, models }: Gateway): void => {
  api.route({
    ...v1.hunts.create,
    config: { access: "write" },
    schema: {
      tags,
      summary: "Create a hunt",
      body: definition.extend({ activate: z.boolean().default(false) }),
      response: { 201: saved.extend({ hunt: huntId }), ...problems },
    },
    handler: async (request, reply) => {
      const account = accountOf(request);
      const { activate, ...definition } = request.body;
      const hunt = huntId.parse(idFromKey("hunt", account, request.commandId));
      const created = await ask(request, huntCommands.createHunt, { account, hunt, definition, activate });
      reply.code(201);
      return created;
    },
  });
  api.route({
    ...v1.hunts.change,
    config: { access: "write" },
    schema: {
      tags,
      summary: "Define a hunt anew",
      params,
      body: definition,
      response: { 200: saved, ...problems },
    },
    handler: (request) =>
      ask(request, huntCommands.changeHunt, { account: accountOf(request), ...request.params, definition: request.body }),
  });
  readingRoutes(api, models);
  stateRoutes(api, ask);
  api.route({
    ...v1.hunts.previewTemplate,
    config: { access: "read" },
    schema: {
      tags,
      summary: "A template as it would be sent about an ad, or about a sample",
      body: z.strictObject({ template: z.string().min(1).max(2000), channel: channel.default("sms"), ad: adId.optional() }),
      response: { 200: z.object({ text: z.string(), sms: segments.optional() }), ...problems },
    },
    handler: (request) => ask(request, huntCommands.previewTemplate, { account: accountOf(request), ...request.body }),
  });
};

const readingRoutes = (api: Api, models: Gateway["models"]): void => {
  api.route({
    ...v1.hunts.list,
    config: { access: "read" },
    schema: {
      tags,
      summary: "All hunts",
      querystring: z.object({ ...paging, waitFor, status: documents.hunts.shape.status.optional() }),
      response: { 200: page(shown), ...problems },
    },
    handler: async (request) => {
      const { status, waitFor: seq, ...paged } = request.query;
      await models.folded("hunts", seq);
      const { items, ...more } = await models.page("hunts", accountOf(request), status === undefined ? {} : { status }, paged);
      return { items: items.map(show), ...more };
    },
  });
  api.route({
    ...v1.hunts.show,
    config: { access: "read" },
    schema: { tags, summary: "One hunt", params, querystring: z.object({ waitFor }), response: { 200: shown, ...problems } },
    handler: async (request) => {
      await models.folded("hunts", request.query.waitFor);
      const hunt = await models.one("hunts", accountOf(request), request.params.hunt);
      if (hunt === undefined) throw new Refusal("not-found", "there is no such hunt");
      return show(hunt);
    },
  });
};

const stateRoutes = (api: Api, ask: Gateway["ask"]): void => {
  const { activateHunt, archiveHunt, pauseHunt, resumeHunt } = huntCommands;
  for (const [verb, command, summary] of [
    ["activate", activateHunt, "From the next pass on its ads are written about"],
    ["archive", archiveHunt, "The hunt is over"],
  ] as const) {
    api.route({
      ...v1.hunts[verb],
      config: { access: "write" },
      schema: { tags, summary, params, body: z.strictObject({}), response: { 200: changed, ...problems } },
      handler: (request) => ask(request, command, { account: accountOf(request), ...request.params }),
    });
  }
  for (const [verb, command, summary] of [
    ["pause", pauseHunt, "Within a second nothing of the hunt leaves any more"],
    ["resume", resumeHunt, "The hunt goes on"],
  ] as const) {
    api.route({
      ...v1.hunts[verb],
      config: { access: "write" },
      schema: { tags, summary, params, body: z.strictObject({ by }), response: { 200: changed, ...problems } },
      handler: (request) => {
        const { by = callerOf(request).actor } = request.body;
        return ask(request, command, { account: accountOf(request), ...request.params, by });
      },
    });
  }
};
