import { v1 } from "@outrider/contracts/api";
import { inspection, type ServiceName } from "@outrider/contracts/commands";
import { deadLetter } from "@outrider/contracts/inbox";
import { accountOfSubject, parseSubject } from "@outrider/contracts/streams";
import { Refusal, Unavailable } from "@outrider/platform";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { Gateway } from "../parts.ts";
import { type Api, callerOf } from "../request.ts";
import { problems } from "../shapes.ts";

/** The service that keeps the aggregates of a context: the first word of their subjects. */
const keeperOf: Readonly<Record<string, Inspected>> = {
  registry: "registry",
  ads: "scraping-ingest",
  hunts: "hunt-allocator",
  sms: "sms-sender",
  ledger: "credit-ledger",
};
const inspected = [
  "registry",
  "scheduler",
  "scraping-ingest",
  "hunt-allocator",
  "sms-sender",
  "credit-ledger",
] as const satisfies ServiceName[];
type Inspected = (typeof inspected)[number];
export const commandsOf = (service: Inspected) => inspections[service];
const inspections = Object.fromEntries(inspected.map((name) => [name, inspection(name)])) as Record<
  Inspected,
  ReturnType<typeof inspection>
>;

/** The keeper of a subject that the caller may see. */
export const keeperFor = (request: FastifyRequest, subject: string): Inspected => {
  const keeper = keeperOf[subject.split(".", 1)[0] ?? ""];
  const about = parseSubject(subject);
  if (keeper === undefined || about === undefined) {
    throw new Refusal("invalid-request", "name a whole subject, such as sms.contact.07.garage.Yb3…");
  }
  const { operator, account } = callerOf(request);
  if (!operator && about.account !== account) throw new Refusal("forbidden", "this subject belongs to another account");
  return keeper;
};

export const inspectionRoutes = (api: Api, { ask }: Gateway): void => {
  const tags = ["inspection"];
  const { state } = inspection("registry");
  const subject = z.string().min(1).max(300).describe("<context>.<aggregate>.<partition>.<account>.<id>");
  api.route({
    ...v1.inspection.state,
    config: { access: "read" },
    schema: {
      tags,
      summary: "What an aggregate's events add up to, now or at a time",
      querystring: z.object({ subject, at: z.string().max(40).optional() }),
      response: { 200: state.reply, ...problems },
    },
    handler: (request) => {
      const { subject, at } = request.query;
      return ask(request, commandsOf(keeperFor(request, subject)).state, { subject, ...(at === undefined ? {} : { at: instantOf(at) }) });
    },
  });
  deadRoutes(api, ask);
};

/** States are found by comparing times as text, so all must be written in one way. */
const instantOf = (at: string): string => {
  const moment = Date.parse(at);
  if (Number.isNaN(moment)) throw new Refusal("invalid-request", "at: write a time as 2026-03-02T09:30:00Z");
  return new Date(moment).toISOString();
};

const letter = deadLetter.omit({ seq: true }).extend({
  seq: z.int().describe("number of the letter, which the other routes take"),
  of: z.string().describe("the message that could not be digested, as STREAM:sequence"),
});
type Letter = z.output<typeof letter>;

const letterIn = (told: unknown, number: number): Letter => {
  const { seq, stream, ...rest } = deadLetter.parse(told);
  return { ...rest, stream, seq: number, of: `${stream}:${seq}` };
};
const numbered = z.object({ id: z.int() });

/** An account sees what is about its own subjects. */
const mayBeSeen = (request: FastifyRequest, { subject }: Pick<Letter, "subject">): boolean => {
  const { operator, account } = callerOf(request);
  return operator || accountOfSubject(subject) === account;
};

const deadRoutes = (api: Api, ask: Gateway["ask"]): void => {
  const tags = ["dead letters"];
  const service = z.enum(inspected);
  const params = z.object({ service, seq: z.coerce.number().int().min(1) });
  const shown = async (request: FastifyRequest<{ Params: z.output<typeof params> }>): Promise<Letter> => {
    const { service, seq } = request.params;
    const { letter: told } = await ask(request, commandsOf(service).deadShow, { seq });
    const found = letterIn(told, seq);
    if (!mayBeSeen(request, found)) throw new Refusal("not-found", `there is no dead letter ${seq} of this service`);
    return found;
  };
  api.route({
    ...v1.dead.list,
    config: { access: "read" },
    schema: {
      tags,
      summary: "Messages that no handler could digest, the oldest of each service first",
      description: "Those about the account's own subjects; with the admin key those of all accounts, if it names none.",
      querystring: z.object({ service: service.optional(), limit: z.coerce.number().int().min(1).max(500).default(100) }),
      response: {
        200: z.object({
          letters: z.array(letter),
          total: z.int().describe("how many there are in the services that answered, listed or not"),
          unreachable: z.array(service).describe("these did not answer"),
        }),
        ...problems,
      },
    },
    handler: async (request) => {
      const { service: named, limit } = request.query;
      const answers = await Promise.all((named === undefined ? inspected : [named]).map((one) => listOf(ask, request, one, limit)));
      return {
        letters: answers.flatMap(({ letters }) => letters).filter((one) => mayBeSeen(request, one)), // an older replica may list all
        total: answers.reduce((sum, { total }) => sum + total, 0),
        unreachable: answers.flatMap(({ unreachable }) => unreachable),
      };
    },
  });
  api.route({
    ...v1.dead.show,
    config: { access: "read" },
    schema: { tags, summary: "One of them", params, response: { 200: letter, ...problems } },
    handler: (request) => shown(request),
  });
  api.route({
    ...v1.dead.retry,
    config: { access: "write" },
    schema: {
      tags,
      summary: "Hand it to its handler again",
      params,
      body: z.strictObject({}),
      response: { 200: z.object({ retried: z.boolean() }), ...problems },
    },
    handler: async (request) => {
      const { seq } = await shown(request);
      return ask(request, commandsOf(request.params.service).deadRetry, { seq }, { part: "retry" });
    },
  });
  api.route({
    ...v1.dead.drop,
    config: { access: "operator" },
    schema: { tags, summary: "Forget it", params, response: { 200: z.object({ dropped: z.boolean() }), ...problems } },
    handler: (request) => ask(request, commandsOf(request.params.service).deadDrop, { seq: request.params.seq }),
  });
};

const listOf = async (ask: Gateway["ask"], request: FastifyRequest, service: Inspected, limit: number) => {
  try {
    const { account } = callerOf(request);
    const { letters, total } = await ask(request, commandsOf(service).deadList, { limit, account });
    return { letters: letters.map((told) => letterIn(told, numbered.parse(told).id)), total, unreachable: [] };
  } catch (error) {
    if (error instanceof Unavailable) return { letters: [], total: 0, unreachable: [service] };
    throw error;
  }
};
