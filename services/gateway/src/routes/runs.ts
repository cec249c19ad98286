import { setTimeout as sleep } from "node:timers/promises";
import { v1 } from "@outrider/contracts/api";
import { documents } from "@outrider/contracts/documents";
import { localDate } from "@outrider/contracts/fields";
import { huntCommands } from "@outrider/contracts/hunts";
import { runId } from "@outrider/contracts/ids";
import { Refusal } from "@outrider/platform";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { limits } from "../config.ts";
import type { Gateway } from "../parts.ts";
import { type Progress, progressIn, type RunShape, runShape } from "../progress.ts";
import { type Api, accountOf } from "../request.ts";
import { page, paging, problems, waitFor } from "../shapes.ts";

const tags = ["runs"];
const params = z.object({ run: runId });
type OneRun = FastifyRequest<{ Params: z.output<typeof params> }>;

export const runRoutes = (api: Api, gateway: Gateway): void => {
  const { ask } = gateway;
  api.route({
    ...v1.runs.start,
    config: { access: "write" },
    schema: {
      tags,
      summary: "Start a pass of today's run; while one is open, the answer is that one",
      body: z.strictObject({
        date: localDate.optional().describe("the account's local today, or the start is refused (`not-today`): a guard around midnight"),
      }),
      response: { 202: huntCommands.startPass.reply, ...problems },
    },
    handler: async (request, reply) => {
      const started = await ask(request, huntCommands.startPass, { account: accountOf(request), ...request.body, by: "hand" });
      reply.code(202);
      return started;
    },
  });
  api.route({
    ...v1.runs.dryRun,
    config: { access: "read" },
    schema: {
      tags,
      summary: "Who would be contacted now, and who not and why; nothing is written",
      body: z.strictObject({ limit: z.int().min(0).max(500).default(100) }),
      response: { 200: huntCommands.dryRun.reply, ...problems },
    },
    handler: (request) =>
      ask(request, huntCommands.dryRun, { account: accountOf(request), ...request.body }, { timeoutMs: limits.dryRunMs }),
  });
  const watching = { ...gateway, progress: progressIn(gateway.models) };
  readingRoutes(api, watching);
  watchRoute(api, watching);
};

interface Watching extends Gateway {
  readonly progress: Progress;
}

const current = async ({ ask, progress }: Watching, request: OneRun): Promise<RunShape> => {
  const account = accountOf(request);
  const { run } = request.params;
  const { exists, passes, hunts, seq } = await ask(request, huntCommands.run, { account, run });
  if (!exists) throw new Refusal("not-found", "there is no run of this day");
  return progress.of(account, { run, passes, hunts, seq });
};

const readingRoutes = (api: Api, gateway: Watching): void => {
  const { models } = gateway;
  const shown = documents.runs.omit({ account: true, _seq: true }).extend({ seq: z.int() });
  api.route({
    ...v1.runs.list,
    config: { access: "read" },
    schema: {
      tags,
      summary: "All runs, newest first",
      querystring: z.object({ ...paging, waitFor }),
      response: { 200: page(shown), ...problems },
    },
    handler: async (request) => {
      await models.folded("runs", request.query.waitFor);
      const { items, ...more } = await models.page("runs", accountOf(request), {}, request.query);
      return { items: items.map(({ account: _account, _seq, ...run }) => ({ ...run, seq: _seq })), ...more };
    },
  });
  api.route({
    ...v1.runs.show,
    config: { access: "read" },
    schema: { tags, summary: "A run's passes, and what became of its contacts", params, response: { 200: runShape, ...problems } },
    handler: (request) => current(gateway, request),
  });
};

/** Server-sent events: one `progress` whenever something has changed, the last one when the run has settled. */
const watchRoute = (api: Api, gateway: Watching): void => {
  api.route({
    ...v1.runs.watch,
    config: { access: "read" },
    schema: {
      tags,
      summary: "A run's progress as it happens (text/event-stream), until it has settled",
      produces: ["text/event-stream"],
      params,
      response: { 200: z.string().describe("events named progress, each with the same data as GET /v1/runs/{run}"), ...problems },
    },
    handler: async (request, reply) => {
      const first = await current(gateway, request); // what is wrong is told before the stream begins
      const { stopping } = gateway.service;
      const gone = AbortSignal.any([stopping, AbortSignal.timeout(limits.watchMostMs)]);
      reply.hijack();
      reply.raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", "x-request-id": request.id });
      try {
        for await (const run of changes(gateway, request, first, () => gone.aborted || reply.raw.destroyed)) {
          reply.raw.write(`event: progress\ndata: ${JSON.stringify(run)}\n\n`);
        }
      } finally {
        reply.raw.end();
      }
    },
  });
};

async function* changes(gateway: Watching, request: OneRun, first: RunShape, isOver: () => boolean): AsyncGenerator<RunShape> {
  let last = "";
  for (let run: RunShape | undefined = first; !isOver(); ) {
    const told = JSON.stringify(run);
    if (run !== undefined && told !== last) {
      yield run;
      last = told;
    }
    if (run?.settled === true) return;
    // A read model that is away for a moment is no reason to end the watching.
    run = await current(gateway, request).catch((): undefined => undefined);
    await sleep(limits.progressEveryMs);
  }
}
