import { v1 } from "@outrider/contracts/api";
import { documents } from "@outrider/contracts/documents";
import { channel, instant } from "@outrider/contracts/fields";
import { huntCommands } from "@outrider/contracts/hunts";
import { type PersonId, personId } from "@outrider/contracts/ids";
import { optOutBy } from "@outrider/contracts/registry";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { KeyDestroyed, keyIds, Refusal } from "@outrider/platform";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { demand } from "../caller.ts";
import type { Gateway } from "../parts.ts";
import { findPerson } from "../people.ts";
import { type Api, accountOf, callerOf } from "../request.ts";
import { by, changed, problems, seq, waitFor } from "../shapes.ts";
import { exportRoute } from "./export.ts";

const tags = ["people"];
const params = z.object({ person: personId });
const through = optOutBy.default("api").describe("where the person said so");
const proof = z.string().max(500).optional().describe("how it can be shown later; nothing personal");

export const personRoutes = (api: Api, gateway: Gateway): void => {
  readingRoutes(api, gateway);
  sayingRoutes(api, gateway);
  consentRoutes(api, gateway);
  exportRoute(api, gateway);
  const { ask } = gateway;
  api.route({
    ...v1.people.erase,
    config: { access: "admin" },
    schema: {
      tags,
      summary: "Destroy what is personal about somebody, for ever",
      params,
      body: z.strictObject({ by }),
      response: { 200: changed, ...problems },
    },
    handler: (request) => {
      const { by = callerOf(request).actor } = request.body;
      return ask(request, registryCommands.erase, { account: accountOf(request), ...request.params, by });
    },
  });
};

const readingRoutes = (api: Api, gateway: Gateway): void => {
  const { ask, models } = gateway;
  api.route({
    ...v1.people.lookUp,
    config: { access: "read" },
    schema: {
      tags,
      summary: "The id of a number, which is never part of an address",
      body: z.strictObject({
        number: z.string().min(3).max(40),
        register: z
          .boolean()
          .default(false)
          .describe(
            "makes the number known, so that an opt-out or a consent can be recorded before any ad of theirs; needs the scope write",
          ),
      }),
      response: { 200: z.object({ person: personId, known: z.boolean() }), ...problems },
    },
    handler: async (request) => {
      const { number, register } = request.body;
      if (register) demand("write", callerOf(request));
      const { person, known } = await findPerson(gateway, request, number, { register });
      return { person, known };
    },
  });
  const shown = documents.people.omit({ account: true, _seq: true }).extend({ seq });
  api.route({
    ...v1.people.show,
    config: { access: "read" },
    schema: {
      tags,
      summary: "What is known of somebody, without the number",
      params,
      querystring: z.object({ waitFor }),
      response: { 200: shown, ...problems },
    },
    handler: async (request) => {
      await models.folded("people", request.query.waitFor);
      const found = await models.one("people", accountOf(request), request.params.person);
      if (found === undefined) throw new Refusal("not-found", "there is no such person");
      const { account: _account, _seq, ...person } = found;
      return { ...person, seq: _seq };
    },
  });
  api.route({
    ...v1.people.why,
    config: { access: "read" },
    schema: {
      tags,
      summary: "Why somebody is or is not written to, and what would change it",
      params,
      response: { 200: registryCommands.whyPerson.reply.and(huntCommands.whyNot.reply), ...problems },
    },
    handler: async (request) => {
      const about = { account: accountOf(request), ...request.params };
      const [why, { hunts }] = await Promise.all([
        ask(request, registryCommands.whyPerson, about),
        ask(request, huntCommands.whyNot, about),
      ]);
      return { ...why, hunts };
    },
  });
};

const sayingRoutes = (api: Api, { ask }: Gateway): void => {
  api.route({
    ...v1.people.optOut,
    config: { access: "write" },
    schema: {
      tags,
      summary: "Never write to somebody again, by any channel",
      params,
      body: z.strictObject({ by: through, channel: channel.optional(), proof }),
      response: { 200: changed, ...problems },
    },
    handler: (request) => ask(request, registryCommands.optOut, { account: accountOf(request), ...request.params, ...request.body }),
  });
  api.route({
    ...v1.people.optIn,
    config: { access: "write" },
    schema: {
      tags,
      summary: "Take an opt-out back",
      params,
      body: z.strictObject({ by: through, proof }),
      response: { 200: changed, ...problems },
    },
    handler: (request) => ask(request, registryCommands.optIn, { account: accountOf(request), ...request.params, ...request.body }),
  });
  api.route({
    ...v1.people.addRefusal,
    config: { access: "write" },
    schema: {
      tags,
      summary: "Somebody said that they are not interested",
      params,
      body: z.strictObject({ channel: channel.default("sms") }),
      response: { 200: changed, ...problems },
    },
    handler: (request) => ask(request, registryCommands.recordRefusal, { account: accountOf(request), ...request.params, ...request.body }),
  });
};

const consentRoutes = (api: Api, { ask, service }: Gateway): void => {
  const { keyring, clock } = service;
  api.route({
    ...v1.people.addConsent,
    config: { access: "write" },
    schema: {
      tags,
      summary: "Record that somebody agreed",
      params,
      body: z.strictObject({
        source: z.string().min(1).max(200).describe("where it was given"),
        text: z.string().min(1).max(5000).optional().describe("what was agreed to; kept sealed"),
        basis: z.enum(["consent", "existing-customer"]).default("consent"),
        at: instant.optional(),
      }),
      response: { 200: changed, ...problems },
    },
    handler: async (request) => {
      const account = accountOf(request);
      const { person } = request.params;
      const { text, at = clock.now(), ...consent } = request.body;
      // To seal would make a key for somebody whom nobody knows.
      if (text !== undefined) await known({ service }, request, person);
      const sealed = text === undefined ? {} : { text: await keyring.seal(keyIds.person(account, person), text).catch(refusedWhenErased) };
      return ask(request, registryCommands.recordConsent, { account, person, at, ...consent, ...sealed });
    },
  });
  api.route({
    ...v1.people.withdrawConsents,
    config: { access: "write" },
    schema: { tags, summary: "Somebody takes their consent back", params, response: { 200: changed, ...problems } },
    handler: (request) => ask(request, registryCommands.withdrawConsent, { account: accountOf(request), ...request.params }),
  });
};

/** Everybody whom registry knows has a key, which is destroyed when they are erased. */
export const known = async ({ service }: Pick<Gateway, "service">, request: FastifyRequest, person: PersonId): Promise<PersonId> => {
  const state = await service.keyring.stateOf(keyIds.person(accountOf(request), person));
  if (state === "missing") throw new Refusal("not-found", "there is no such person", "unknown-person");
  if (state === "destroyed") throw isErased();
  return person;
};

export const isErased = (): Refusal => new Refusal("refused", "the person has been erased", "erased");

/** Nothing can be sealed for an erased person any more. */
export const refusedWhenErased = (error: unknown): never => {
  throw error instanceof KeyDestroyed ? isErased() : error;
};
