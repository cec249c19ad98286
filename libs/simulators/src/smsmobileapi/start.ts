import type { AddressInfo } from "node:net";
import { Platform } from "./platform.ts";
import { serve } from "./server.ts";

export type SmsMobileApiOptions = {
  /** 0 or absent: a free one. */
  port?: number;
  seed?: number;
  /** Where events of all keys go that have no destination of their own. */
  webhookUrl?: string;
  webhookSecret?: string;
  /** Keys that are accepted. Absent: any that is not empty and does not start with "bad". */
  apiKeys?: readonly string[];
  /** Kept and continued at the next start. Absent: a temporary file that goes with the process. */
  logFile?: string;
  /** Calls taken before it answers 503; default 2,000,000. */
  rowsLimit?: number;
  /** Pause before the first retry of a webhook, doubled each time; default 500 ms. */
  webhookBackoffMs?: number;
  /** How long a webhook may take; default 5,000 ms. */
  webhookTimeoutMs?: number;
};

export type SmsMobileApi = { url: string; port: number; stop: () => Promise<void>; [Symbol.asyncDispose]: () => Promise<void> };

/** Starts the simulator in this process, on the loopback address only. Throws when the port is taken or the log cannot be opened. */
export async function startSmsMobileApi(options: SmsMobileApiOptions = {}): Promise<SmsMobileApi> {
  const platform = await Platform.open({
    seed: options.seed ?? 1,
    keys: options.apiKeys,
    usualDestination:
      options.webhookUrl === undefined ? undefined : { url: new URL(options.webhookUrl), secret: options.webhookSecret ?? "" },
    logFile: options.logFile,
    rowsLimit: options.rowsLimit ?? 2_000_000,
    webhooks: {
      concurrency: 16,
      queueLimit: 200_000,
      attempts: 8,
      timeoutMs: options.webhookTimeoutMs ?? 5_000,
      backoffMs: options.webhookBackoffMs ?? 500,
    },
  });
  const server = serve(platform);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }).then(() => platform.close());
    return stopped;
  };
  return { url: `http://127.0.0.1:${port}`, port, stop, [Symbol.asyncDispose]: stop };
}
