import { v1 } from "@outrider/contracts/api";
import { documents } from "@outrider/contracts/documents";
import type { AccountId } from "@outrider/contracts/ids";
import { inboxCodec, webhookRequest } from "@outrider/contracts/inbox";
import { parseInboxSubject, streams } from "@outrider/contracts/streams";
import { orUndefined } from "@outrider/platform";
import { z } from "zod";
import type { Gateway } from "../parts.ts";
import { type Api, accountOf } from "../request.ts";
import { page, paging, problems, seq, waitFor } from "../shapes.ts";

const shown = documents.unmatched.omit({ account: true, _seq: true, inbox: true }).extend({
  text: z
    .string()
    .optional()
    .describe("what the provider sent, word for word; `erased` or absent when it is older than such things are kept"),
  seq,
});

/** Webhooks for which nothing was found within a day: never dropped, and shown here to whoever wonders what became of a message. */
export const unmatchedRoutes = (api: Api, gateway: Gateway): void => {
  const { models } = gateway;
  api.route({
    ...v1.webhooks.unmatched,
    config: { access: "read" },
    schema: {
      tags: ["webhooks"],
      summary: "What a provider told us of messages that we do not know, newest first",
      querystring: z.object({ ...paging, waitFor }),
      response: { 200: page(shown), ...problems },
    },
    handler: async (request) => {
      const account = accountOf(request);
      const { waitFor: seq, ...paged } = request.query;
      await models.folded("unmatched", seq);
      const { items, ...more } = await models.page("unmatched", account, {}, paged);
      const texts = await Promise.all(items.map(({ inbox }) => (inbox === undefined ? undefined : textOf(gateway, account, inbox))));
      const show = ({ account: _account, _seq, inbox: _inbox, ...item }: (typeof items)[number], index: number) => {
        const text = texts[index];
        return { ...item, ...(text === undefined ? {} : { text }), seq: _seq };
      };
      return { items: items.map(show), ...more };
    },
  });
};

/** The body of a stored webhook; undefined when it is not there any more. */
const textOf = async ({ service: { jsm, keyring } }: Gateway, account: AccountId, seq: number): Promise<string | undefined> => {
  const message = await orUndefined(() => jsm.streams.getMessage(streams.inbox.name, { seq }));
  if (message == null || parseInboxSubject(message.subject)?.account !== account) return undefined;
  const decoded = inboxCodec.decode(message.data);
  const sealed = decoded.kind === "events" ? decoded.events[0]?.data.request : undefined;
  if (sealed === undefined) return undefined;
  const opened = await keyring.open(sealed);
  return opened === "erased" ? opened : webhookRequest.parse(JSON.parse(opened)).body;
};
