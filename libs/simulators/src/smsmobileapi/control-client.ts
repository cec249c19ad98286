import type { Faults, Inbound, LogRow, Preset, Replies, Stats, WebhookDestination } from "./control.ts";
import { parseRow } from "./journal.ts";

/** The simulator's control API for tests, the command line and benchmarks. Every call throws when the simulator says no. */
export type ControlClient = {
  /** The whole log, streamed: it may have millions of rows. */
  log: () => AsyncGenerator<LogRow>;
  faults: () => Promise<Faults>;
  setFaults: (faults: Partial<Faults>, preset?: Preset) => Promise<Faults>;
  setReplies: (replies: Omit<Replies, "delayMs"> & { delayMs?: number }) => Promise<Replies>;
  setWebhook: (destination: WebhookDestination) => Promise<void>;
  inbound: (message: Inbound) => Promise<{ guid: string }>;
  reset: () => Promise<void>;
  stats: () => Promise<Stats>;
};

/** `url` is the simulator's, as `startSmsMobileApi` or its ready line gives it. */
export function controlOf(url: string): ControlClient {
  const call = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const answer = await fetch(`${url}/_sim/${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const said = await answer.text();
    if (!answer.ok) throw new Error(`simulator refused ${method} ${path}: ${said}`);
    return JSON.parse(said) as T;
  };
  return {
    log: () => readLog(`${url}/_sim/log`),
    faults: () => call("GET", "faults"),
    setFaults: (faults, preset) => call("PUT", preset === undefined ? "faults" : `faults?preset=${preset}`, faults),
    setReplies: (replies) => call("PUT", "replies", replies),
    setWebhook: async (destination) => void (await call("PUT", "webhooks", destination)),
    inbound: (message) => call("POST", "inbound", message),
    reset: async () => void (await call("POST", "reset")),
    stats: () => call("GET", "stats"),
  };
}

async function* readLog(address: string): AsyncGenerator<LogRow> {
  const answer = await fetch(address);
  if (!answer.ok || answer.body === null) throw new Error(`simulator refused its log: HTTP ${answer.status}`);
  let rest = "";
  for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield parseRow(line);
  }
}
