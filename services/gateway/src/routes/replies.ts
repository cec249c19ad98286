import { v1 } from "@outrider/contracts/api";
import { contactStatus, type DocumentOf, documents } from "@outrider/contracts/documents";
import { type AccountId, contactId, huntId, inboundId, personId } from "@outrider/contracts/ids";
import { smsCommands } from "@outrider/contracts/sms";
import { keyIds, Refusal } from "@outrider/platform";
import { z } from "zod";
import { limits } from "../config.ts";
import type { Gateway } from "../parts.ts";
import { openersFor } from "../persons.ts";
import { type Api, accountOf, callerOf } from "../request.ts";
import { by, changed, page, paging, problems, seq, waitFor } from "../shapes.ts";
import { known, refusedWhenErased } from "./people.ts";

const tags = ["replies"];
const params = z.object({ inbound: inboundId });
const mark = documents.replies.shape.mark;
const shown = documents.replies.omit({ account: true, _seq: true }).extend({
  knownSender: z.boolean().describe("whether the number was known before it wrote"),
  text: z.string().describe("`erased` when its writer has been"),
  ad: z.string().optional().describe("the ad that the contact was about"),
  adTitle: z.string().optional(),
  seq,
});
const message = z.object({
  at: z.string(),
  by: z.enum(["us", "them"]),
  text: z.string(),
  contact: contactId.optional().describe("what was written, or was to be: `status` tells"),
  status: contactStatus.optional(),
  inbound: inboundId.optional(),
  hunt: huntId.optional(),
  ad: z.string().optional(),
});
const withThread = shown.extend({
  thread: z
    .array(message)
    .describe(`what was written to this person and by them, oldest first; the last ${limits.threadMost} of each, and this reply`),
});

export const replyRoutes = (api: Api, gateway: Gateway): void => {
  const { models } = gateway;
  api.route({
    ...v1.replies.list,
    config: { access: "read" },
    schema: {
      tags,
      summary: "What people wrote back, with the ad that it is about, newest first",
      querystring: z.object({ ...paging, waitFor, hunt: huntId.optional(), mark: mark.optional(), person: personId.optional() }),
      response: { 200: page(shown), ...problems },
    },
    handler: async (request) => {
      const { waitFor: seq, hunt, mark, person, ...paged } = request.query;
      await models.folded("replies", seq);
      const account = accountOf(request);
      const filter = {
        ...(hunt === undefined ? {} : { hunt }),
        ...(mark === undefined ? {} : { mark }),
        ...(person === undefined ? {} : { person }),
      };
      const { items, ...more } = await models.page("replies", account, filter, paged);
      return { items: await inWords(gateway, account, items), ...more };
    },
  });
  api.route({
    ...v1.replies.show,
    config: { access: "read" },
    schema: {
      tags,
      summary: "One reply, with all that was written to its sender and by them",
      params,
      querystring: z.object({ waitFor }),
      response: { 200: withThread, ...problems },
    },
    handler: async (request) => {
      await models.folded("replies", request.query.waitFor);
      const account = accountOf(request);
      const found = await models.one("replies", account, request.params.inbound);
      const [reply] = found === undefined ? [] : await inWords(gateway, account, [found]);
      if (found === undefined || reply === undefined) throw new Refusal("not-found", "there is no such reply");
      return { ...reply, thread: await threadOf(gateway, account, found) };
    },
  });
  answeringRoutes(api, gateway);
};

type Reply = DocumentOf<"replies">;

/** Replies opened, each with the ad of the contact that it answers: three look-ups for all of them. */
const inWords = async ({ models, service }: Gateway, account: AccountId, replies: readonly Reply[]) => {
  const contacts = await models.many(
    "contacts",
    account,
    replies.flatMap(({ contact }) => contact ?? []),
  );
  const ads = await models.many(
    "ads",
    account,
    [...contacts.values()].flatMap(({ ad }) => ad ?? []),
  );
  const openerOf = await openersFor(
    models,
    service.keyring,
    account,
    replies.map(({ person }) => person),
  );
  const texts = await Promise.all(replies.map(({ person, text }) => openerOf(person)(text)));
  return replies.map(({ account: _account, _seq, ...reply }, index) => {
    const ad = reply.contact === undefined ? undefined : contacts.get(reply.contact)?.ad;
    const title = ad === undefined ? undefined : ads.get(ad)?.title;
    const about = { ...(ad === undefined ? {} : { ad }), ...(title === undefined ? {} : { adTitle: title }) };
    return { ...reply, ...about, text: texts[index] ?? "", seq: _seq };
  });
};

/** Whoever is nobody's number (a short code, a name) has written this alone. */
const threadOf = async ({ models, service }: Gateway, account: AccountId, reply: Reply): Promise<z.output<typeof message>[]> => {
  const last = { limit: limits.threadMost };
  const { person } = reply;
  const [ours, theirs] =
    person === undefined
      ? [[], [reply]]
      : await Promise.all([
          models.page("contacts", account, { person }, last).then(({ items }) => items),
          models.page("replies", account, { person }, last).then(({ items }) => withReply(items, reply)),
        ]);
  const open = (await openersFor(models, service.keyring, account, [person]))(person);
  const texts = await Promise.all([...ours, ...theirs].map(({ text }) => open(text)));
  const written = ours.map(({ contact, status, hunt, ad, attemptedAt, requestedAt }, index) => ({
    ...{ at: attemptedAt ?? requestedAt, by: "us" as const, text: texts[index] ?? "", contact, status },
    ...{ ...(hunt === undefined ? {} : { hunt }), ...(ad === undefined ? {} : { ad }) },
  }));
  const heard = theirs.map(({ inbound, hunt, at }, index) => ({
    ...{ at, by: "them" as const, text: texts[ours.length + index] ?? "", inbound },
    ...(hunt === undefined ? {} : { hunt }),
  }));
  return inOrder([...written, ...heard], theirs);
};

/** Whoever opens an old reply sees it among the last ones. */
const withReply = (replies: readonly Reply[], reply: Reply): readonly Reply[] =>
  replies.some(({ inbound }) => inbound === reply.inbound) ? replies : [...replies, reply];

/**
 * By time, and what answers something behind it: the provider's clock, by which replies are told, has whole seconds and is not ours (a
 * sandbox's is days ahead).
 */
const inOrder = <Item extends z.output<typeof message>>(messages: readonly Item[], replies: readonly Reply[]): Item[] => {
  const before = new Map(
    replies.flatMap(({ inbound, contact, answers }): (readonly [string, string])[] => [
      ...(contact === undefined ? [] : [[inbound, contact] as const]),
      ...answers.map((answer) => [answer, inbound] as const),
    ]),
  );
  const times = new Map(messages.map(({ contact, inbound, at }) => [contact ?? inbound ?? "", Date.parse(at)]));
  const placeOf = (id: string, deep = 0): number => {
    const answered = before.get(id);
    const own = times.get(id) ?? 0;
    return answered === undefined || deep > times.size ? own : Math.max(own, placeOf(answered, deep + 1) + 1);
  };
  const placed = messages.map((item) => ({ item, place: placeOf(item.contact ?? item.inbound ?? "") }));
  return placed.sort((one, other) => one.place - other.place || one.item.at.localeCompare(other.item.at)).map(({ item }) => item);
};

const answeringRoutes = (api: Api, { ask, models, service }: Gateway): void => {
  const { keyring } = service;
  api.route({
    ...v1.replies.mark,
    config: { access: "write" },
    schema: { tags, summary: "Mark a reply", params, body: z.strictObject({ as: mark, by }), response: { 200: changed, ...problems } },
    handler: (request) => {
      const { as, by = callerOf(request).actor } = request.body;
      return ask(request, smsCommands.markInbound, { account: accountOf(request), ...request.params, as, by });
    },
  });
  api.route({
    ...v1.replies.answer,
    config: { access: "write" },
    schema: {
      tags,
      summary: "Write back",
      params,
      body: z.strictObject({ text: z.string().min(1).max(2000), by }),
      response: { 202: z.object({ contact: contactId, seq }), ...problems },
    },
    handler: async (request, reply) => {
      const account = accountOf(request);
      const { inbound } = request.params;
      const { text, by = callerOf(request).actor } = request.body;
      const writer = (await models.one("replies", account, inbound))?.person;
      if (writer === undefined) throw new Refusal("not-found", "there is no such reply of a known person");
      const person = await known({ service }, request, writer); // a stranger's number is kept nowhere, and a contact with it could only fail
      const sealed = await keyring.seal(keyIds.person(account, person), text).catch(refusedWhenErased);
      const answered = await ask(request, smsCommands.answerInbound, { account, inbound, text: sealed, by });
      reply.code(202);
      return answered;
    },
  });
};
