import { v1 } from "@outrider/contracts/api";
import type { ContactRequest } from "@outrider/contracts/contact";
import { contactStatus, documents } from "@outrider/contracts/documents";
import { legalBasis, purpose } from "@outrider/contracts/fields";
import { contactId, huntId, idFromKey, lineId, type PersonId, personId, runId } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { smsCommands } from "@outrider/contracts/sms";
import { type Keyring, keyIds, keyReused, Refusal } from "@outrider/platform";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { Gateway } from "../parts.ts";
import { findPerson } from "../people.ts";
import { openersFor } from "../persons.ts";
import { type Api, accountOf, callerOf } from "../request.ts";
import { by, changed, page, paging, problems, seq, waitFor } from "../shapes.ts";
import { isErased, known, refusedWhenErased } from "./people.ts";

const tags = ["contacts"];
const params = z.object({ contact: contactId });
const shown = documents.contacts.omit({ account: true, _seq: true, text: true }).extend({ seq });
const wanted = z
  .strictObject({
    number: z.string().min(3).max(40).optional().describe("E.164, or as it is dialled in the account's country"),
    person: personId.optional(),
    text: z.string().min(1).max(2000),
    line: lineId.optional().describe("default: the account's first"),
    purpose,
    legalBasis,
  })
  .refine(({ number, person }) => (number === undefined) !== (person === undefined), {
    path: ["number"],
    error: "name a number or a person",
  });
type Wanted = z.output<typeof wanted>;

export const contactRoutes = (api: Api, gateway: Gateway): void => {
  const { ask } = gateway;
  api.route({
    ...v1.contacts.request,
    config: { access: "write" },
    schema: {
      tags,
      summary: "Write to one person, if that is lawful and paid for",
      body: wanted,
      response: {
        202: z.object({ contact: contactId, person: personId, outcome: z.enum(["requested", "redundant"]), seq }),
        ...problems,
      },
    },
    handler: async (request, reply) => {
      const requested = await requestContact(gateway, request, request.body);
      reply.code(202);
      return requested;
    },
  });
  api.route({
    ...v1.contacts.resolve,
    config: { access: "write" },
    schema: {
      tags,
      summary: "Decide what became of an unknown contact",
      params,
      body: z.strictObject({ as: z.enum(["sent", "not-sent", "send-again"]), by }),
      response: { 200: changed, ...problems },
    },
    handler: (request) => {
      const { as, by = callerOf(request).actor } = request.body;
      return ask(request, smsCommands.resolve, { account: accountOf(request), ...request.params, as, by });
    },
  });
  readingRoutes(api, gateway);
};

/**
 * Number and text are sealed right here. The contact's id is a hash of the Idempotency-Key: the same request again goes on where the first
 * one was cut off, however late, and pays once. What is held for a request that is never made is given back by the ledger.
 */
const requestContact = async (gateway: Gateway, request: FastifyRequest, wanted: Wanted) => {
  const { ask, service } = gateway;
  const { number, text, purpose, legalBasis, ...named } = wanted;
  const account = accountOf(request);
  const { keyring, config } = service;
  const contact = contactId.parse(idFromKey("contact", account, request.commandId));
  const [earlier, person, line] = await Promise.all([
    request.repeatable ? ask(request, smsCommands.contact, { account, contact }, { part: "earlier" }) : undefined,
    named.person === undefined ? livingBehind(gateway, request, number ?? "") : known(gateway, request, named.person),
    named.line ?? firstLine(ask, request),
  ]);
  if (earlier?.request !== undefined) {
    if (!(await asksTheSame(keyring, earlier.request, { ...wanted, person }))) throw keyReused();
    return { contact, person, outcome: "requested" as const, seq: earlier.revision };
  }
  const reservation = `contact-${contact}`;
  const credits = config.SMS_PRICE_CREDITS;
  const hold = { account, reservation, most: credits, atLeast: credits, purpose: "request", contact } as const;
  const [sealed, held] = await Promise.all([
    keyring.seal(keyIds.person(account, person), text).catch(refusedWhenErased),
    credits === 0 ? undefined : ask(request, ledgerCommands.reserve, hold, { part: "reserve" }),
  ]);
  const asked = await ask(
    request,
    smsCommands.request,
    {
      account,
      request: {
        ...{ contact, person, channel: "sms", line, step: 1, text: sealed, purpose, legalBasis },
        ...{ noCanvassing: false, ownerType: "unknown", reservation, credits },
      },
      reservedUntil: held?.until,
    },
    { part: "request" },
  );
  return { person, ...asked };
};

/** Compares a request with the one that came with the same key before. A line that is not named is whichever was taken then. */
const asksTheSame = async (
  keyring: Keyring,
  earlier: ContactRequest,
  { person, line = earlier.line, purpose, legalBasis, text }: Wanted,
): Promise<boolean> =>
  person === earlier.person &&
  line === earlier.line &&
  purpose === earlier.purpose &&
  legalBasis === earlier.legalBasis &&
  text === (await keyring.open(earlier.text));

/** Whoever has been erased is told apart before anything is paid for. */
const livingBehind = async (gateway: Gateway, request: FastifyRequest, number: string): Promise<PersonId> => {
  const { person, erased } = await findPerson(gateway, request, number, { register: true });
  if (erased) throw isErased();
  return person;
};

const firstLine = async (ask: Gateway["ask"], request: FastifyRequest) => {
  const { providers } = await ask(request, registryCommands.account, { account: accountOf(request) });
  const first = providers[0];
  if (first === undefined) throw new Refusal("refused", "the account has no line; connect one first", "no-line");
  return first.line;
};

const readingRoutes = (api: Api, { models, service }: Gateway): void => {
  api.route({
    ...v1.contacts.list,
    config: { access: "read" },
    schema: {
      tags,
      summary: "Contacts by status, hunt, run or person",
      querystring: z.object({
        ...paging,
        waitFor,
        status: contactStatus.optional(),
        hunt: huntId.optional(),
        run: runId.optional(),
        person: personId.optional(),
      }),
      response: { 200: page(shown), ...problems },
    },
    handler: async (request) => {
      const { cursor, limit, waitFor: seq, ...filter } = request.query;
      await models.folded("contacts", seq);
      const { items, ...more } = await models.page("contacts", accountOf(request), given(filter), { cursor, limit });
      return { items: items.map(({ account: _account, _seq, text: _text, ...contact }) => ({ ...contact, seq: _seq })), ...more };
    },
  });
  api.route({
    ...v1.contacts.show,
    config: { access: "read" },
    schema: {
      tags,
      summary: "One contact with its text",
      params,
      querystring: z.object({ waitFor }),
      response: { 200: shown.extend({ text: z.string().describe("`erased` when the person has been") }), ...problems },
    },
    handler: async (request) => {
      await models.folded("contacts", request.query.waitFor);
      const account = accountOf(request);
      const found = await models.one("contacts", account, request.params.contact);
      if (found === undefined) throw new Refusal("not-found", "there is no such contact");
      const { account: _account, _seq, text, ...contact } = found;
      const open = (await openersFor(models, service.keyring, account, [found.person]))(found.person);
      return { ...contact, text: await open(text), seq: _seq };
    },
  });
};

/** The filters that were named. */
const given = (filter: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(filter).flatMap(([field, value]) => (value === undefined ? [] : [[field, value]])));
