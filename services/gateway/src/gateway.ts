import { streams } from "@outrider/contracts/streams";
import { pauseFor } from "@outrider/eventing";
import { CannotStart, kernelOf, ownStreams, type Service, whyNotListening } from "@outrider/platform";
import { createApp } from "./app.ts";
import { authentication } from "./caller.ts";
import { type GatewayConfig, inboxKeys, limits } from "./config.ts";
import { addHooks } from "./hooks.ts";
import { destroyOldKeys } from "./inbox.ts";
import type { Gateway } from "./parts.ts";
import { openReadModels, type ReadModels } from "./read-models.ts";
import { type Api, askFor } from "./request.ts";
import { accountRoutes } from "./routes/accounts.ts";
import { contactRoutes } from "./routes/contacts.ts";
import { creditRoutes } from "./routes/credits.ts";
import { docsRoutes } from "./routes/docs.ts";
import { historyRoute } from "./routes/history.ts";
import { huntRoutes } from "./routes/hunts.ts";
import { importRoutes } from "./routes/imports.ts";
import { inspectionRoutes } from "./routes/inspection.ts";
import { lineRoutes } from "./routes/lines.ts";
import { openapiRoute } from "./routes/openapi.ts";
import { pauseRoutes } from "./routes/pauses.ts";
import { personRoutes } from "./routes/people.ts";
import { replyRoutes } from "./routes/replies.ts";
import { runRoutes } from "./routes/runs.ts";
import { unmatchedRoutes } from "./routes/unmatched.ts";
import { viewRoutes } from "./routes/views.ts";
import { webhookRoutes } from "./routes/webhooks.ts";

const resources = [
  ...[accountRoutes, lineRoutes, huntRoutes, runRoutes, contactRoutes, replyRoutes, unmatchedRoutes, personRoutes],
  ...[creditRoutes, pauseRoutes, historyRoute, inspectionRoutes, viewRoutes],
] as const;

/** Brings the gateway up on a running service and serves HTTP. Resolves with its address. Everything ends with the service. */
export const openGateway = async (service: Service<GatewayConfig>): Promise<string> => {
  const { config } = service;
  const kernel = kernelOf(service);
  service.health.notReady("http", "HTTP is not served yet");
  await ownStreams(service, streams.inbox, streams.uploads);
  const models = await openReadModels(service);
  keepKeysShort(service);
  let url = "";
  const gateway: Gateway = {
    ...{ service, kernel, models, ask: askFor(service.ask, config.GATEWAY_COMMAND_TIMEOUT_MS) },
    publicUrl: () => config.OUTRIDER_PUBLIC_URL?.replace(/\/+$/, "") ?? url,
  };
  const app = await createApp(service);
  await webhookRoutes(app, gateway);
  await app.register(async (scope) => {
    // The framework's types do not say that a scope has the type provider of its server.
    const api = scope as unknown as Api;
    addHooks(api, service, authentication(service.ask, config.OUTRIDER_ADMIN_KEY));
    for (const routes of resources) routes(api, gateway);
    await importRoutes(api, gateway);
    openapiRoute(api);
    docsRoutes(api);
  });
  service.onStop("HTTP", () => closed(app));
  url = await listen(app, config);
  await untilReadable(models, service);
  service.health.ok("http");
  service.log.info({ url }, "the API is served");
  return url;
};

/** A connection whose request was answered before all of it had been read is never idle, and would be waited for as long as one may be kept. */
const closed = async (app: Api): Promise<void> => {
  const cut = setTimeout(() => app.server.closeAllConnections(), limits.closeMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
};

const listen = async (app: Api, { GATEWAY_HOST: host, GATEWAY_PORT: port }: GatewayConfig): Promise<string> => {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new CannotStart(`The API cannot be served at ${host}:${port} ${whyNotListening(code, "GATEWAY")}`);
  }
};

/** Lists are there from the first request on, if MongoDB is; without it everything else is served all the same. */
const untilReadable = async (models: ReadModels, { stopping }: Service<GatewayConfig>): Promise<void> => {
  for (const deadline = performance.now() + limits.readableMs; !models.isUp() && performance.now() < deadline; )
    await pauseFor(limits.readableAgainMs, stopping);
};

/** Keys of INBOX days end when their time has come: looked at now, and some times a day. */
const keepKeysShort = (service: Service<GatewayConfig>): void => {
  const { log, stopping } = service;
  void (async () => {
    while (!stopping.aborted) {
      try {
        const destroyed = await destroyOldKeys(service);
        if (destroyed.length > 0) log.info({ destroyed }, "webhooks of these days cannot be read any more");
      } catch (error) {
        log.warn({ error }, "old keys of webhooks could not be destroyed; trying again");
      }
      await pauseFor(inboxKeys.everyMs, stopping);
    }
  })();
};
