import { v1 } from "@outrider/contracts/api";
import { z } from "zod";
import type { Api } from "../request.ts";

/** The document of all routes, made once. */
export const openapiRoute = (api: Api): void => {
  let document: Record<string, unknown> | undefined;
  api.route({
    ...v1.openapi.show,
    config: { access: "public" },
    schema: {
      tags: ["openapi"],
      summary: "This document",
      security: [],
      response: { 200: z.record(z.string(), z.unknown().describe("as OpenAPI 3.1 says")) },
    },
    handler: async (_request, reply) => {
      document ??= { ...api.swagger() };
      reply.type("application/json; charset=utf-8");
      return document;
    },
  });
};
