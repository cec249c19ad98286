import type { IncomingMessage } from "node:http";
import multipart from "@fastify/multipart";
import { importCounts, ingestCommands } from "@outrider/contracts/ads";
import { v1 } from "@outrider/contracts/api";
import { sealed } from "@outrider/contracts/define";
import { documents } from "@outrider/contracts/documents";
import { type AccountId, idFromKey, importId, personId } from "@outrider/contracts/ids";
import { keyIds, keyReused, Refusal } from "@outrider/platform";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { Gateway } from "../parts.ts";
import { InvalidField, problemFrom } from "../problems.ts";
import { type Api, accountOf } from "../request.ts";
import { page, paging, problems, seq, waitFor } from "../shapes.ts";
import { BrokenOff, uploadsOf } from "../uploads.ts";

const tags = ["ads"];
const params = z.object({ import: importId });
const flag = z.enum(["true", "false", "1", "0"]).transform((given) => given === "true" || given === "1");
const options = z.object({
  source: z.string().min(1).max(60).default("file"),
  fictionNumbers: flag.default(false).describe("sandbox only: rows without a number get one reserved for fiction"),
  fileName: z.string().min(1).max(200).optional(),
});
const badRows = documents.imports.shape.badRows;

/** A route whose body is not read but handed on as it arrives, so it has a scope of its own. */
export const importRoutes = async (api: Api, gateway: Gateway): Promise<void> => {
  await api.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    await scope.register(multipart, {
      limits: { files: 1, fields: 10, fileSize: gateway.service.config.OUTRIDER_UPLOAD_MAX_BYTES },
      throwFileSizeLimit: true,
    });
    uploadRoute(scope as unknown as Api, gateway); // the framework's types forget the type provider
  });
  readingRoutes(api, gateway);
};

const uploadRoute = (api: Api, { ask, kernel, service }: Gateway): void => {
  const uploads = uploadsOf(kernel, service, service.config.OUTRIDER_UPLOAD_MAX_BYTES);
  api.route({
    ...v1.imports.start,
    config: { access: "write" },
    schema: {
      tags,
      summary: "Import a file of ads",
      description: "The body is the file itself (text/csv) or multipart/form-data with one file; it is read as it arrives.",
      consumes: ["text/csv", "multipart/form-data"],
      querystring: options,
      response: { 202: z.object({ import: importId, seq }), ...problems },
    },
    handler: async (request, reply) => {
      const account = accountOf(request);
      const id = importId.parse(idFromKey("import", account, request.commandId));
      const { source, fictionNumbers } = request.query;
      const wanted = { account, import: id, source, fictionNumbers };
      reply.code(202);
      if (request.repeatable) {
        const known = await ask(request, ingestCommands.import, { account, import: id });
        if (known.status !== "unknown") {
          request.raw.resume(); // the file has been here
          if (isOfAnotherLength(request, known.bytes)) throw keyReused();
          // The import remembers what was asked by its first request: it refuses another address, and else changes nothing.
          return ask(request, ingestCommands.startImport, { ...wanted, bytes: known.bytes });
        }
      }
      const { file, fileName } = await fileOf(request);
      const { commandId, traceparent } = request;
      const bytes = await uploads.store({ account, import: id, commandId, traceparent }, untilItsEnd(request.raw, file));
      const named = { fileName: await service.keyring.seal(keyIds.account(account), fileName) };
      return ask(request, ingestCommands.startImport, { ...wanted, ...named, bytes });
    },
  });
};

/** No more of the file is compared with the one that came with the same key before. What comes in pieces, or as a form, does not tell. */
const isOfAnotherLength = (request: FastifyRequest, bytes: number): boolean => {
  const length = request.isMultipart() ? undefined : request.headers["content-length"];
  return length !== undefined && Number(length) !== bytes;
};

const fileOf = async (request: FastifyRequest<{ Querystring: z.output<typeof options> }>) => {
  const { fileName } = request.query;
  if (!request.isMultipart()) return { file: request.raw, fileName: fileName ?? "upload.csv" };
  const part = await request.file();
  if (part === undefined) throw new InvalidField("body", "the form holds no file");
  return { file: part.file, fileName: fileName ?? (part.filename.slice(0, 200) || "upload.csv") };
};

/** A stream that merely stops is no file: what counts is that the request came to its end. */
async function* untilItsEnd(request: IncomingMessage, file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* file;
  } catch (error) {
    if (request.destroyed && !request.complete) throw new BrokenOff("the upload broke off", { cause: error });
    throw error;
  }
  if (request.destroyed && !request.complete) throw new BrokenOff("the upload broke off");
}

const readingRoutes = (api: Api, { ask, models, service }: Gateway): void => {
  const state = z.object({
    import: importId,
    status: z.enum(["running", "finished", "failed"]),
    counts: importCounts,
    bytes: z.int(),
    reason: z.string().optional(),
    badRows: badRows.optional().describe("the first thousand, once the import has ended"),
    seq,
  });
  api.route({
    ...v1.imports.show,
    config: { access: "read" },
    schema: { tags, summary: "How far an import is, right now", params, response: { 200: state, ...problems } },
    handler: async (request) => {
      const account = accountOf(request);
      const { import: id } = request.params;
      const { status, ...rest } = await ask(request, ingestCommands.import, { account, import: id });
      if (status === "unknown") throw new Refusal("not-found", "there is no such import");
      const kept = status !== "running" && rest.counts.bad > 0 ? await badRowsOf(models, account, id, rest.seq) : undefined;
      return { import: id, status, ...rest, ...(kept === undefined ? {} : { badRows: kept.badRows }) };
    },
  });
  const importShown = documents.imports.omit({ account: true, _seq: true, badRows: true }).extend({ fileName: z.string().optional(), seq });
  api.route({
    ...v1.imports.list,
    config: { access: "read" },
    schema: {
      tags,
      summary: "All imports, newest first",
      querystring: z.object({ ...paging, waitFor }),
      response: { 200: page(importShown), ...problems },
    },
    handler: async (request) => {
      await models.folded("imports", request.query.waitFor);
      const { items, ...more } = await models.page("imports", accountOf(request), {}, request.query);
      const names = await Promise.all(items.map(({ fileName }) => nameOf(service, fileName)));
      const show = ({ account: _account, _seq, badRows: _rows, fileName: _name, ...one }: (typeof items)[number], index: number) => {
        const fileName = names[index];
        return { ...one, ...(fileName === undefined ? {} : { fileName }), seq: _seq };
      };
      return { items: items.map(show), ...more };
    },
  });
  const adShown = documents.ads.omit({ account: true, _seq: true, description: true, ownerName: true }).extend({ seq });
  api.route({
    ...v1.ads.list,
    config: { access: "read" },
    schema: {
      tags,
      summary: "Ads, without what is personal",
      querystring: z.object({ ...paging, waitFor, person: personId.optional() }),
      response: { 200: page(adShown), ...problems },
    },
    handler: async (request) => {
      const { person, waitFor: seq, ...paged } = request.query;
      await models.folded("ads", seq);
      const { items, ...more } = await models.page("ads", accountOf(request), person === undefined ? {} : { person }, paged);
      const show = ({ account: _account, _seq, description: _text, ownerName: _name, ...ad }: (typeof items)[number]) => ({
        ...ad,
        seq: _seq,
      });
      return { items: items.map(show), ...more };
    },
  });
};

/** Lists that an older release built hold names in plain text, until they are built anew. */
const nameOf = async ({ keyring }: Gateway["service"], fileName: unknown): Promise<string | undefined> => {
  const stored = sealed.safeParse(fileName);
  return stored.success ? keyring.open(stored.data) : undefined;
};

/** They are only in the read model, and an extra: without it the answer goes without them. */
const badRowsOf = async (models: Gateway["models"], account: AccountId, id: string, seq: number) => {
  try {
    await models.folded("imports", seq);
    return await models.one("imports", account, id);
  } catch (error) {
    if (problemFrom(error)?.status === 503) return undefined;
    throw error;
  }
};
