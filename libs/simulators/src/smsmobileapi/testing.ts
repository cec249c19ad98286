import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { InboxRow, SentRow } from "./answers.ts";
import type { LogRow } from "./control.ts";
import { controlOf } from "./control-client.ts";
import { startSmsMobileApi } from "./start.ts";

/** Waits until `look` gives something, with a deadline; throws what was awaited when it never does. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = 5_000,
): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > until) throw new Error(`never came: ${what}`);
    await wait(5);
  }
}

export type Seen = { headers: IncomingHttpHeaders; body: string; at: number };

/** A webhook receiver. `answer` decides the status of each delivery by its number, from 0; undefined leaves it without an answer. */
export async function receiver(answer: (nth: number) => number | undefined = () => 202) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const status = answer(seen.length);
      seen.push({ headers: request.headers, body: Buffer.concat(chunks).toString(), at: performance.now() });
      if (status !== undefined) response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${port}/hook`, seen, [Symbol.asyncDispose]: stop };
}

/** What `result` may hold, over all endpoints. */
export type Result = {
  error: string | number;
  sent: string;
  id: string;
  note: string;
  datetime: string;
  datetimeLocal: string;
  count: string;
  log: SentRow[];
  sms: InboxRow[];
  mobiles: { sIdentifiantPhone: string; online: string; status: string }[];
};

/** Reads an answer of the vendor's; throws when it is none of HTTP 200. */
export async function resultOf(answer: Response): Promise<Result> {
  const body = await answer.text();
  if (!answer.ok) throw new Error(`HTTP ${answer.status}: ${body}`);
  return (JSON.parse(body) as { result: Result }).result;
}

/** A simulator in this process, with shorthands. */
export async function simulator(options: Parameters<typeof startSmsMobileApi>[0] = {}) {
  const running = await startSmsMobileApi(options);
  const control = controlOf(running.url);
  return {
    ...running,
    control,
    send: (to: string, text = "Bonjour", more: Record<string, string> = {}, signal?: AbortSignal) =>
      fetch(`${running.url}/sendsms/`, {
        method: "POST",
        body: new URLSearchParams({ apikey: "key-a", recipients: to, message: text, ...more }),
        ...(signal === undefined ? {} : { signal }),
      }),
    read: async (path: string, params: Record<string, string> = {}): Promise<Result> =>
      resultOf(await fetch(`${running.url}${path}?${new URLSearchParams({ apikey: "key-a", ...params })}`)),
    sends: async (): Promise<LogRow[]> => (await Array.fromAsync(control.log())).filter((row) => row.operation === "sendsms"),
  };
}
