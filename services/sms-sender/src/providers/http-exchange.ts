import type { Agent, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { vendorLimits } from "../config.ts";

/** What came of one HTTP exchange. `left` false: not one byte of the request was written. */
export type Exchange =
  | { readonly kind: "answer"; readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }
  | { readonly kind: "none"; readonly left: boolean; readonly cause: string };

export interface ExchangeOptions {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly form?: URLSearchParams;
  readonly until: AbortSignal;
  /** Asked right before the request is written; false: it is not. */
  readonly beforeWriting?: () => boolean;
}

export interface HttpExchanges {
  readonly exchange: (options: ExchangeOptions) => Promise<Exchange>;
  readonly close: () => Promise<void>;
}

// Not by `import`: that would read all that node:http exports, also what Node loads on demand. And not undici: it parses by a WebAssembly
// module, which takes 40 MB once it is hot.
const clientFor = (protocol: string): Pick<typeof import("node:http"), "Agent" | "request"> =>
  protocol === "https:" ? process.getBuiltinModule("node:https") : process.getBuiltinModule("node:http");

/**
 * HTTP to one address, whose path stands before all others, that can tell whether a request has left. Never sends one twice by itself, and
 * never throws.
 */
export const httpExchanges = (address: string, connections: number): HttpExchanges => {
  const { protocol, origin, pathname } = new URL(address);
  const base = origin + pathname.replace(/\/+$/, "");
  const client = clientFor(protocol);
  const agent = new client.Agent({
    keepAlive: true,
    maxSockets: connections,
    maxFreeSockets: connections,
    timeout: vendorLimits.keepAliveMs,
  });
  const whenConnected = watchConnections(agent, protocol === "https:" ? "secureConnect" : "connect");
  return {
    close: async () => agent.destroy(),
    exchange: ({ method, path, form, until, beforeWriting = () => true }) =>
      new Promise((resolve) => {
        let left = false;
        if (until.aborted) return resolve({ kind: "none", left, cause: "the attempt was over" });
        const body = form?.toString();
        const request = client.request(base + path, {
          method,
          agent,
          headers:
            body === undefined
              ? {}
              : { "content-type": "application/x-www-form-urlencoded", "content-length": String(Buffer.byteLength(body)) },
        });
        const end = (exchange: Exchange) => {
          until.removeEventListener("abort", abort);
          resolve(exchange);
        };
        const failed = (error: Error) => end({ kind: "none", left, cause: causeOf(error) });
        // A request that waits for its connection would tell its end only when it has got one.
        const abort = () => {
          const over = new Error("the attempt was over");
          request.destroy(over);
          failed(over);
        };
        until.addEventListener("abort", abort);
        request.on("error", failed);
        // Nothing of a request is written before its `end`: what could not be connected has certainly not left.
        const write = () => {
          if (request.destroyed) return;
          if (!beforeWriting()) return request.destroy(new Error("not to be sent any more"));
          if (until.aborted) return abort();
          left = true;
          request.end(body);
        };
        request.on("socket", (socket) => whenConnected(socket, write));
        request.on("response", (response) => read(response, end, failed));
      }),
  };
};

const read = (response: IncomingMessage, end: (exchange: Exchange) => void, failed: (error: Error) => void): void => {
  const body: Buffer[] = [];
  let size = 0;
  response.on("error", failed);
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > vendorLimits.answerBytes) response.destroy(new Error("the answer is too large"));
    else body.push(chunk);
  });
  response.on("end", () => {
    const headers = Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)]));
    end({ kind: "answer", status: response.statusCode ?? 0, headers, body: Buffer.concat(body).toString("utf8") });
  });
};

/** Ends connections that do not come about in time. Runs what waits for one when it stands: at once when it has served another request. */
const watchConnections = (agent: Agent, connected: "connect" | "secureConnect"): ((socket: Duplex, then: () => void) => void) => {
  const standing = new WeakSet<Duplex>();
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options) => {
    const socket = connect(options);
    if (socket === undefined || socket === null) throw new TypeError("a socket is made at once, and is connected later");
    const late = setTimeout(() => socket.destroy(new Error("no connection in time")), vendorLimits.connectMs);
    socket.once("close", () => clearTimeout(late));
    socket.once(connected, () => {
      clearTimeout(late);
      standing.add(socket);
    });
    return socket;
  };
  return (socket, then) => {
    if (standing.has(socket)) then();
    else socket.once(connected, then);
  };
};

/** A code or a constant sentence of ours; never an address or a value. */
const causeOf = (error: Error): string => ("code" in error && typeof error.code === "string" ? error.code : error.message.slice(0, 80));
