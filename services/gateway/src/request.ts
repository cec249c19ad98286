import type { IncomingMessage, ServerResponse } from "node:http";
import type { CommandDefinition } from "@outrider/contracts/commands";
import type { AccountId } from "@outrider/contracts/ids";
import { withDigest } from "@outrider/eventing";
import { type AskOptions, Refusal } from "@outrider/platform";
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { Access, Caller } from "./caller.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Undefined on public routes. */
    caller: Caller | undefined;
    traceparent: string;
    /** The caller's `Idempotency-Key`, else a random id. */
    commandId: string;
    repeatable: boolean;
    /** What is asked, of a request that may be repeated: the same key must not stand for two things. */
    digest: string | undefined;
  }
  interface FastifyContextConfig {
    access?: Access;
  }
}

/** The server as routes see it. */
export type Api = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypeProvider>;

/** Asks a service in the name of a request. `part` tells the steps of one request apart: each is a command of its own. */
export type AskFor = <Request, Reply>(
  request: FastifyRequest,
  command: CommandDefinition<Request, Reply>,
  value: NoInfer<Request>,
  options?: { readonly part?: string; readonly timeoutMs?: number },
) => Promise<Reply>;

type Ask = <Request, Reply>(command: CommandDefinition<Request, Reply>, request: NoInfer<Request>, options?: AskOptions) => Promise<Reply>;

export const askFor =
  (ask: Ask, usualTimeoutMs: number): AskFor =>
  ({ commandId, digest, caller, traceparent }, command, value, { part, timeoutMs = usualTimeoutMs } = {}) => {
    const id = part === undefined ? commandId : `${commandId}:${part}`;
    return ask(command, value, {
      commandId: digest === undefined ? id : withDigest(id, digest),
      correlation: commandId,
      actor: caller?.actor,
      traceparent,
      timeoutMs,
    });
  };

export const callerOf = ({ caller }: FastifyRequest): Caller => {
  if (caller === undefined) throw new TypeError("a public route has no caller");
  return caller;
};

/** The account that a request is about. */
export const accountOf = (request: FastifyRequest): AccountId => {
  const { account } = callerOf(request);
  if (account === undefined) throw new Refusal("invalid-request", "with the admin key, name the account in the header Outrider-Account");
  return account;
};
