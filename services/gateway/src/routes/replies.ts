import { documents } from "@outrider/contracts/documents";
import { contactId, huntId, inboundId } from "@outrider/contracts/ids";
import { smsCommands } from "@outrider/contracts/sms";
import { keyIds, Refusal } from "@outrider/platform";
import { z } from "zod";
import type { Gateway } from "../parts.ts";
import { type Api, accountOf, callerOf } from "../request.ts";
import { by, changed, page, paging, problems, seq, waitFor } from "../shapes.ts";
import { refusedWhenErased } from "./people.ts";

const tags = ["replies"];
const params = z.object({ inbound: inboundId });
const mark = documents.replies.shape.mark;
const shown = documents.replies
  .omit({ account: true, _seq: true })
  .extend({ text: z.string().describe("`erased` when its writer has been"), seq });

export const replyRoutes = (api: Api, { ask, models, service }: Gateway): void => {
  const { keyring } = service;
  api.get(
    "/v1/replies",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "What people wrote back, newest first",
        querystring: z.object({ ...paging, waitFor, hunt: huntId.optional(), mark: mark.optional() }),
        response: { 200: page(shown), ...problems },
      },
    },
    async (request) => {
      const { waitFor: seq, hunt, mark, ...paged } = request.query;
      await models.folded("replies", seq);
      const filter = { ...(hunt === undefined ? {} : { hunt }), ...(mark === undefined ? {} : { mark }) };
      const { items, ...more } = await models.page("replies", accountOf(request), filter, paged);
      const texts = await keyring.openMany(items.map(({ text }) => text));
      return {
        items: items.map(({ account: _account, _seq, ...reply }, index) => ({ ...reply, text: texts[index] ?? "", seq: _seq })),
        ...more,
      };
    },
  );
  api.post(
    "/v1/replies/:inbound/mark",
    {
      config: { access: "write" },
      schema: { tags, summary: "Mark a reply", params, body: z.strictObject({ as: mark, by }), response: { 200: changed, ...problems } },
    },
    (request) => {
      const { as, by = callerOf(request).actor } = request.body;
      return ask(request, smsCommands.markInbound, { account: accountOf(request), ...request.params, as, by });
    },
  );
  api.post(
    "/v1/replies/:inbound/answer",
    {
      config: { access: "write" },
      schema: {
        tags,
        summary: "Write back",
        params,
        body: z.strictObject({ text: z.string().min(1).max(2000), by }),
        response: { 202: z.object({ contact: contactId, seq }), ...problems },
      },
    },
    async (request, reply) => {
      const account = accountOf(request);
      const { inbound } = request.params;
      const { text, by = callerOf(request).actor } = request.body;
      const person = (await models.one("replies", account, inbound))?.person;
      if (person === undefined) throw new Refusal("not-found", "there is no such reply of a known person");
      const sealed = await keyring.seal(keyIds.person(account, person), text).catch(refusedWhenErased);
      const answered = await ask(request, smsCommands.answerInbound, { account, inbound, text: sealed, by });
      reply.code(202);
      return answered;
    },
  );
};
