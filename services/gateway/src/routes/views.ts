import { v1 } from "@outrider/contracts/api";
import { viewName } from "@outrider/contracts/documents";
import { projectorCommands } from "@outrider/contracts/projector";
import { z } from "zod";
import { limits } from "../config.ts";
import type { Gateway } from "../parts.ts";
import type { Api } from "../request.ts";
import { problems } from "../shapes.ts";

/** The read models themselves, which are those of all accounts: for the holder of the admin key. */
export const viewRoutes = (api: Api, { ask }: Gateway): void => {
  const tags = ["read models"];
  const params = z.object({ view: viewName });
  const { rebuild, verify, views } = projectorCommands;
  api.route({
    ...v1.views.list,
    config: { access: "operator" },
    schema: { tags, summary: "How far each read model is", response: { 200: views.reply, ...problems } },
    handler: (request) => ask(request, views, {}),
  });
  api.route({
    ...v1.views.rebuild,
    config: { access: "operator" },
    schema: {
      tags,
      summary: "Build a read model anew beside the one that serves, then swap; /v1/views tells when it is done",
      params,
      body: z.strictObject({}),
      response: { 202: rebuild.reply, ...problems },
    },
    handler: async (request, reply) => {
      const wanted = await ask(request, rebuild, request.params);
      reply.code(202);
      return wanted;
    },
  });
  api.route({
    ...v1.views.verify,
    config: { access: "operator" },
    schema: {
      tags,
      summary: "Fold the stream anew and compare every document; takes as long as that takes, at most 4 minutes",
      params,
      body: z.strictObject({}),
      response: { 200: verify.reply, ...problems },
    },
    handler: (request) => ask(request, verify, request.params, { timeoutMs: limits.verifyMs }),
  });
};
