import type { Server, ServerResponse } from "node:http";
import type { Registry } from "prom-client";

// An `import` of node:http reads all that it exports, also what Node would load on demand: undici, 14 MB and a quarter of a second of each start.
const { createServer } = process.getBuiltinModule("node:http");

/** What the service says about itself. Everything that is not ready has a key and one sentence that says why. */
export interface Health {
  readonly notReady: (key: string, reason: string) => void;
  readonly ok: (key: string) => void;
  /** Both in one: a reason, or undefined when it is fine again. */
  readonly set: (key: string, reason: string | undefined) => void;
  /** Said beside ready or not: what is worth knowing and keeps nobody from working. Undefined takes it back. */
  readonly note: (key: string, text: string | undefined) => void;
  /** The process cannot go on and wants to be replaced. */
  readonly fatal: (reason: string) => void;
  readonly reasons: () => readonly string[];
  readonly notes: () => readonly string[];
  readonly fatalReason: () => string | undefined;
}

export const createHealth = (changed: (key: string, reason: string | undefined) => void = () => undefined): Health => {
  const open = new Map<string, string>();
  const notes = new Map<string, string>();
  let ended: string | undefined;
  const set = (key: string, reason: string | undefined): void => {
    if (open.get(key) === reason) return;
    if (reason === undefined) open.delete(key);
    else open.set(key, reason);
    changed(key, reason);
  };
  return {
    notReady: set,
    ok: (key) => set(key, undefined),
    set,
    note: (key, text) => {
      if (text === undefined) notes.delete(key);
      else notes.set(key, text);
    },
    fatal: (reason) => {
      ended ??= reason;
    },
    reasons: () => [...new Set(open.values())], // many readers wait for one server: once is enough
    notes: () => [...notes.values()],
    fatalReason: () => ended,
  };
};

export interface HealthServer {
  /** `http://127.0.0.1:4321`, with the port that was really taken. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

const tickMs = 1_000;
const blockedMs = 30_000;

/** Serves /health/live, /health/ready and /metrics. Rejects when the port is taken. `monotonic` in milliseconds. */
export const serveHealth = async (
  health: Health,
  metrics: Pick<Registry, "metrics" | "contentType">,
  at: { readonly host: string; readonly port: number },
  monotonic: () => number = () => performance.now(),
): Promise<HealthServer> => {
  let ticked = monotonic();
  const ticking = setInterval(() => {
    ticked = monotonic();
  }, tickMs).unref();
  const live = (): readonly string[] => {
    const fatal = health.fatalReason();
    const stoodStill = monotonic() - ticked;
    return [
      ...(fatal === undefined ? [] : [fatal]),
      ...(stoodStill > blockedMs ? [`the event loop has stood still for ${Math.round(stoodStill / 1000)} s`] : []),
    ];
  };
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0];
    if (path === "/health/live") answer(response, "live", live());
    else if (path === "/health/ready") answer(response, "ready", [...live(), ...health.reasons()], health.notes());
    else if (path === "/metrics") void answerMetrics(response, metrics);
    else response.writeHead(404).end();
  });
  await listening(server, at);
  server.unref();
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : at.port;
  return {
    url: `http://${at.host.includes(":") ? `[${at.host}]` : at.host}:${port}`,
    close: async () => {
      clearInterval(ticking);
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
};

const listening = (server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> =>
  new Promise((done, failed) => {
    server.once("error", failed);
    server.listen(port, host, () => {
      server.off("error", failed);
      done();
    });
  });

const answer = (response: ServerResponse, what: "live" | "ready", reasons: readonly string[], notes: readonly string[] = []): void => {
  const fine = reasons.length === 0;
  response.writeHead(fine ? 200 : 503, { "content-type": "application/json", "cache-control": "no-store" });
  const said = notes.length === 0 ? {} : { notes };
  response.end(`${JSON.stringify(fine ? { [what]: true, ...said } : { [what]: false, reasons, ...said })}\n`);
};

const answerMetrics = async (response: ServerResponse, metrics: Pick<Registry, "metrics" | "contentType">): Promise<void> => {
  try {
    const text = await metrics.metrics();
    response.writeHead(200, { "content-type": metrics.contentType }).end(text);
  } catch (error) {
    response.writeHead(500).end(error instanceof Error ? error.name : "error");
  }
};
