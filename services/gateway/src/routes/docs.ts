import { v1 } from "@outrider/contracts/api";
import { randomId } from "@outrider/platform";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { z } from "zod";
import type { Api } from "../request.ts";

const pages = ["/docs", "/docs/", "/docs/js/scalar.js"] as const;
const passedOn = ["content-type", "location"] as const;

/** The page's own scripts and styles, and requests to this gateway: nothing is loaded from or told to anywhere else. */
const policyOf = (nonce: string): string =>
  [
    "default-src 'none'",
    `script-src 'self' 'nonce-${nonce}'`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");

/** A page that shows the OpenAPI document. It is some megabytes, so it is loaded when somebody looks at it for the first time. */
export const docsRoutes = (api: Api): void => {
  const nonce = randomId();
  const contentSecurityPolicy = policyOf(nonce);
  let loaded: Promise<FastifyInstance> | undefined;
  const show = async (request: FastifyRequest, reply: FastifyReply): Promise<string> => {
    loaded ??= load(nonce);
    const page = await (await loaded).inject({ method: "GET", url: request.routeOptions.url ?? "/docs" });
    for (const name of passedOn) {
      const value = page.headers[name];
      if (value !== undefined) reply.header(name, value);
    }
    reply.header("content-security-policy", contentSecurityPolicy);
    reply.code(page.statusCode);
    return page.payload;
  };
  for (const url of pages) {
    api.get(url, { config: { access: "public" }, schema: { hide: true, response: { 200: z.string() } } }, show);
  }
};

/** Services of the page's makers, which would be given this document and what is typed here, if our policy let them. */
const nothingOfTheVendors = {
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: "never",
  agent: { disabled: true },
  mcp: { disabled: true },
} as const;

const load = async (nonce: string): Promise<FastifyInstance> => {
  const { default: reference } = await import("@scalar/fastify-api-reference");
  const app = fastify({ logger: false });
  const page = { url: v1.openapi.show.url, pageTitle: "Outrider", nonce, withDefaultFonts: false };
  await app.register(reference, { routePrefix: "/docs", configuration: { ...page, ...nothingOfTheVendors } });
  return app;
};
