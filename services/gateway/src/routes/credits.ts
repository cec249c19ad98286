import { v1 } from "@outrider/contracts/api";
import { documents } from "@outrider/contracts/documents";
import { instant } from "@outrider/contracts/fields";
import { idFromKey } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { z } from "zod";
import type { Gateway } from "../parts.ts";
import { type Api, accountOf, callerOf } from "../request.ts";
import { page, paging, problems, seq, waitFor } from "../shapes.ts";

const tags = ["credits"];
const amount = z.int();
const there = z.object({
  grant: z.string(),
  added: z.boolean().describe("false: this grant was there already, and its first amount counts"),
  seq,
  available: amount,
});
const line = documents.statement.omit({ account: true, _seq: true }).extend({ seq });

export const creditRoutes = (api: Api, { ask, models }: Gateway): void => {
  api.route({
    ...v1.credits.show,
    config: { access: "read" },
    schema: { tags, summary: "The balance, right now", response: { 200: ledgerCommands.balance.reply, ...problems } },
    handler: (request) => ask(request, ledgerCommands.balance, { account: accountOf(request) }),
  });
  api.route({
    ...v1.credits.statement,
    config: { access: "read" },
    schema: {
      tags,
      summary: "Every change of the balance with its cause, newest first",
      querystring: z.object({ ...paging, waitFor }),
      response: { 200: page(line), ...problems },
    },
    handler: async (request) => {
      await models.folded("statement", request.query.waitFor);
      const { items, ...more } = await models.page("statement", accountOf(request), {}, request.query);
      return { items: items.map(({ account: _account, _seq, ...entry }) => ({ ...entry, seq: _seq })), ...more };
    },
  });
  api.route({
    ...v1.credits.grant,
    config: { access: "operator" },
    schema: {
      tags,
      summary: "Grant credits to the account named in Outrider-Account",
      body: z.strictObject({
        credits: z.int().positive().max(1_000_000_000),
        note: z.string().max(500).optional(),
        expiresAt: instant.optional(),
        grant: z.string().min(1).max(100).optional().describe("known for ever by this: the same grant again adds nothing"),
      }),
      response: { 200: there, 201: there, ...problems },
    },
    handler: async (request, reply) => {
      const account = accountOf(request);
      const { grant = idFromKey("grant", account, request.commandId), ...given } = request.body;
      const { added = true, ...answer } = await ask(request, ledgerCommands.grant, {
        account,
        grant,
        by: callerOf(request).actor,
        ...given,
      });
      reply.code(added ? 201 : 200);
      return { grant, added, ...answer };
    },
  });
};
