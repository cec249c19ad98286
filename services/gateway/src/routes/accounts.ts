import { randomBytes } from "node:crypto";
import { v1 } from "@outrider/contracts/api";
import { timeZone } from "@outrider/contracts/fields";
import { type AccountId, accountId, idFromKey } from "@outrider/contracts/ids";
import { accountPolicyChange } from "@outrider/contracts/registry";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { Refusal } from "@outrider/platform";
import { z } from "zod";
import { hashOfKey } from "../caller.ts";
import type { Gateway } from "../parts.ts";
import { type Api, accountOf } from "../request.ts";
import { changed, page, paging, problems, seq, waitFor } from "../shapes.ts";

const { createAccount, addApiKey } = registryCommands;
const tags = ["accounts"];
const scope = z.enum(["read", "write", "admin"]);
const policy = accountPolicyChange.strict().describe("what is not named stays as it is");
const shown = z.object({
  account: accountId,
  name: z.string(),
  timeZone: z.string(),
  country: z.string(),
  policy: accountPolicyChange.required(),
  paused: z.boolean(),
  offerToBuyConfirmed: z.object({ by: z.string(), at: z.string() }).optional().describe("absent until the notice is confirmed"),
  offerToBuyNotice: z.string().optional().describe("what has to be read and confirmed before the legal basis offer-to-buy works"),
  lines: z.array(z.object({ line: z.string(), provider: z.string() })),
  keys: z
    .array(z.object({ key: z.string(), label: z.string(), scopes: z.array(scope) }))
    .optional()
    .describe("the ids of those that are not revoked; the keys themselves are known to nobody"),
  revision: z.int(),
});
const keyOnce = {
  apiKey: z.string().optional().describe("the key itself, this once"),
  apiKeyShownOnce: z.literal(true).optional().describe("this request is a repeat: the key was in its first answer"),
};

const newKey = (account: AccountId): string => `or_${account}_${randomBytes(32).toString("base64url")}`;

const listed = z.object({
  account: accountId,
  name: z.string().optional(),
  timeZone: z.string().optional(),
  country: z.string().optional(),
  paused: z.boolean(),
  pausedBy: z.string().optional(),
  lines: z.array(z.object({ line: z.string(), provider: z.string() })),
  createdAt: z.string().optional(),
  seq,
});

const listRoute = (api: Api, { models }: Gateway): void => {
  api.route({
    ...v1.accounts.list,
    config: { access: "operator" },
    schema: {
      tags,
      summary: "All accounts, by id",
      querystring: z.object({ ...paging, waitFor }),
      response: { 200: page(listed), ...problems },
    },
    handler: async (request) => {
      await models.folded("accounts", request.query.waitFor);
      const { items, ...more } = await models.accounts(request.query);
      const show = ({ account, name, timeZone, country, paused, pausedBy, providers, createdAt, _seq }: (typeof items)[number]) => ({
        ...{ account, name, timeZone, country, paused, pausedBy, createdAt, seq: _seq },
        lines: providers.map(({ line, provider }) => ({ line, provider })),
      });
      return { items: items.map(show), ...more };
    },
  });
};

export const accountRoutes = (api: Api, gateway: Gateway): void => {
  const { ask } = gateway;
  listRoute(api, gateway);
  const founding = z.strictObject({
    account: accountId,
    name: z.string().min(1).max(200),
    timeZone: timeZone.optional().describe("IANA; default Europe/Paris"),
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, "write it as two capital letters, such as FR")
      .optional()
      .describe("ISO 3166; default FR"),
    policy: policy.optional(),
  });
  const founded = z.object({ account: accountId, ...keyOnce, seq });
  api.route({
    ...v1.accounts.create,
    config: { access: "operator" },
    schema: { tags, summary: "Create an account", body: founding, response: { 200: founded, 201: founded, ...problems } },
    handler: async (request, reply) => {
      const { account } = request.body;
      const secret = newKey(account);
      const apiKey = {
        key: idFromKey("key", account, request.commandId),
        hash: hashOfKey(secret),
        scopes: scope.options,
        label: "first",
      };
      // Defaults are the contract's.
      const wanted = createAccount.request.parse({ ...request.body, apiKey });
      const { created, seq } = await ask(request, createAccount, wanted);
      if (!created) return { account, apiKeyShownOnce: true as const, seq };
      reply.code(201);
      return { account, apiKey: secret, seq };
    },
  });

  api.route({
    ...v1.accounts.show,
    config: { access: "read" },
    schema: { tags, summary: "The account and its policy", response: { 200: shown, ...problems } },
    handler: async (request) => {
      const { providers, ...account } = await ask(request, registryCommands.account, { account: accountOf(request) });
      return { ...account, lines: providers.map(({ line, provider }) => ({ line, provider })) };
    },
  });
  api.route({
    ...v1.accounts.changePolicy,
    config: { access: "write" },
    schema: { tags, summary: "Change the policy", body: policy, response: { 200: changed, ...problems } },
    handler: (request) => ask(request, registryCommands.changePolicy, { account: accountOf(request), policy: request.body }),
  });
  api.route({
    ...v1.accounts.confirmOfferToBuy,
    config: { access: "admin" },
    schema: {
      tags,
      summary: "Take on the notice about writing to owners with an offer to buy",
      body: z.strictObject({
        by: z.string().min(1).max(200),
        notice: z.string().min(1).max(5000).describe("the text of `offerToBuyNotice`, as GET /v1/account hands it out"),
      }),
      response: { 200: changed, ...problems },
    },
    handler: (request) => ask(request, registryCommands.confirmOfferToBuy, { account: accountOf(request), ...request.body }),
  });
  keyRoutes(api, ask);
};

const keyRoutes = (api: Api, ask: Gateway["ask"]): void => {
  api.route({
    ...v1.accounts.addKey,
    config: { access: "admin" },
    schema: {
      tags,
      summary: "Make another key",
      body: z.strictObject({ label: z.string().min(1).max(100), scopes: z.array(scope).min(1) }),
      response: { 201: z.object({ key: z.string(), ...keyOnce, seq }), ...problems },
    },
    handler: async (request, reply) => {
      const account = accountOf(request);
      const secret = newKey(account);
      const key = idFromKey("key", account, request.commandId);
      const hash = hashOfKey(secret);
      const { seq } = await ask(request, addApiKey, { account, key, hash, ...request.body });
      reply.code(201);
      // A repeat finds the first one's hash in place: the key made just now opens nothing.
      const opens = !request.repeatable || (await opensAccount(ask(request, registryCommands.authenticate, { account, hash })));
      return opens ? { key, apiKey: secret, seq } : { key, apiKeyShownOnce: true as const, seq };
    },
  });
  api.route({
    ...v1.accounts.revokeKey,
    config: { access: "admin" },
    schema: {
      tags,
      summary: "Revoke a key; within seconds it opens nothing",
      params: z.object({ key: z.string().min(1).max(64) }),
      response: { 200: changed, ...problems },
    },
    handler: (request) => ask(request, registryCommands.revokeApiKey, { account: accountOf(request), key: request.params.key }),
  });
};

const opensAccount = async (authenticated: Promise<unknown>): Promise<boolean> => {
  try {
    await authenticated;
    return true;
  } catch (error) {
    if (error instanceof Refusal && error.slug === "unauthorised") return false;
    throw error;
  }
};
