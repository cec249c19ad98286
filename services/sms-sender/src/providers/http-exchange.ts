import { Pool } from "undici";

/** What came of one HTTP exchange. `left` false: not one byte of the request was written. */
import { vendorLimits } from "../config.ts";

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

/** HTTP to one origin that can tell whether a request has left. Never sends one twice by itself, and never throws. */
export const httpExchanges = (origin: string, connections: number): HttpExchanges => {
  const pool = new Pool(origin, {
    connections,
    pipelining: 1,
    connect: { timeout: vendorLimits.connectMs },
    keepAliveTimeout: vendorLimits.keepAliveMs,
  });
  return {
    close: () => pool.close(),
    exchange: ({ method, path, form, until, beforeWriting = () => true }) =>
      new Promise((resolve) => {
        let left = false;
        let status = 0;
        let headers: Record<string, string> = {};
        let body: Buffer[] = [];
        let size = 0;
        let cancel: (error: Error) => void = () => undefined;
        const abort = () => cancel(new Error("the attempt was over"));
        const end = (exchange: Exchange) => {
          until.removeEventListener("abort", abort);
          body = [];
          resolve(exchange);
        };
        if (until.aborted) return end({ kind: "none", left: false, cause: "the attempt was over" });
        until.addEventListener("abort", abort);
        pool.dispatch(
          {
            method,
            path,
            headers: form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" },
            body: form === undefined ? null : form.toString(),
            headersTimeout: 0,
            bodyTimeout: 0,
          },
          {
            onRequestStart: (controller) => {
              cancel = (error) => controller.abort(error);
              if (until.aborted) return controller.abort(new Error("the attempt was over"));
              if (!beforeWriting()) return controller.abort(new Error("not to be sent any more"));
              left = true;
            },
            onResponseStart: (_controller, statusCode, received) => {
              status = statusCode;
              headers = Object.fromEntries(Object.entries(received).map(([name, value]) => [name, String(value)]));
            },
            onResponseData: (controller, chunk) => {
              size += chunk.length;
              if (size > vendorLimits.answerBytes) controller.abort(new Error("the answer is too large"));
              else body.push(chunk);
            },
            onResponseEnd: () => end({ kind: "answer", status, headers, body: Buffer.concat(body).toString("utf8") }),
            onResponseError: (_controller, error) => end({ kind: "none", left, cause: causeOf(error) }),
          },
        );
      }),
  };
};

/** A code or a constant sentence of ours; never an address or a value. */
const causeOf = (error: Error): string => ("code" in error && typeof error.code === "string" ? error.code : error.message.slice(0, 80));
