import { v1 } from "@outrider/contracts/api";
import { header, inspection } from "@outrider/contracts/commands";
import { inboxCodec } from "@outrider/contracts/inbox";
import { accountOfSubject, parseInboxSubject, streams } from "@outrider/contracts/streams";
import { orUndefined, Refusal } from "@outrider/platform";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { Gateway } from "../parts.ts";
import { type Api, callerOf } from "../request.ts";
import { problems } from "../shapes.ts";
import { commandsOf, keeperFor } from "./inspection.ts";

const { history } = inspection("registry");
/** Those in which an event stays: a cause that is somewhere else (an alarm, a piece of a file) is gone when it has been dealt with. */
const kept: readonly string[] = [streams.registry, streams.ads, streams.hunts, streams.sms, streams.ledger, streams.inbox].map(
  ({ name }) => name,
);
const asked = z
  .object({
    subject: z.string().min(1).max(300).optional().describe("<context>.<aggregate>.<partition>.<account>.<id>"),
    event: z
      .string()
      .regex(/^[A-Z]{1,20}:[1-9]\d{0,15}$/, "write it as `causation` does: STREAM:sequence")
      .optional()
      .describe("a `causation`, such as HUNTS:17: the history of whatever it is an event of, from there on"),
    from: z.coerce.number().int().min(0).default(0).describe("`next` of the answer before"),
    limit: z.coerce.number().int().min(1).max(500).default(100),
  })
  .refine(({ subject, event }) => (subject === undefined) !== (event === undefined), {
    path: ["subject"],
    error: "name a subject or an event",
  });
const answer = history.reply.and(z.object({ subject: z.string().describe("whose history it is") }));

export const historyRoute = (api: Api, { ask, service: { jsm } }: Gateway): void => {
  const messageOf = async (request: FastifyRequest, event: string) => {
    const [stream = "", seq = ""] = event.split(":");
    const message = kept.includes(stream) ? await orUndefined(() => jsm.streams.getMessage(stream, { seq: Number(seq) })) : undefined;
    const { operator, account } = callerOf(request);
    // Another account's is told like one that never was.
    if (message == null || (!operator && accountOfSubject(message.subject) !== account)) {
      throw new Refusal("not-found", `there is no event ${event}, or it is kept no longer`);
    }
    return message;
  };
  api.route({
    ...v1.inspection.history,
    config: { access: "read" },
    schema: {
      tags: ["inspection"],
      summary: "Every event of an aggregate with the state after it, by its subject or by one of its events; personal fields stay sealed",
      querystring: asked,
      response: { 200: answer, ...problems },
    },
    handler: async (request) => {
      const { subject: named, event, from, limit } = request.query;
      const message = event === undefined ? undefined : await messageOf(request, event);
      if (message !== undefined && parseInboxSubject(message.subject) !== undefined) return webhook(message);
      const subject = message?.subject ?? named ?? "";
      const page = { subject, from: Math.max(from, (message?.seq ?? 1) - 1), limit };
      return { subject, ...(await ask(request, commandsOf(keeperFor(request, subject)).history, page)) };
    },
  });
};

interface Message {
  readonly subject: string;
  readonly seq: number;
  readonly data: Uint8Array;
  readonly header: { readonly get: (name: string) => string };
}

/** A webhook is nobody's aggregate and was caused by the provider: it is its own whole history. */
const webhook = ({ subject, seq, data, header: headers }: Message): z.output<typeof answer> => {
  const decoded = inboxCodec.decode(data);
  const events = decoded.kind === "events" ? decoded.events : [];
  const actor = headers.get(header.actor);
  const [first] = events;
  return {
    subject,
    entries: [
      {
        ...{ seq, at: decoded.kind === "events" ? decoded.at : "", command: headers.get(header.command) },
        ...(actor === "" ? {} : { actor }),
        events: first === undefined ? [] : [{ type: first.type, data: first.data }],
        state: null,
      },
    ],
  };
};
