import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Faults, type Parsed, parseFaults, parseInbound, parsePreset, parseReplies, parseWebhook } from "./control.ts";
import { parseForm } from "./form.ts";
import type { Platform } from "./platform.ts";

type Said = { status: number; body: object };

const unknownAccount: Parsed<object> = { ok: false, error: "no account is known for this key, phone or number" };
const done: Parsed<object> = { ok: true, value: { ok: true } };

/** The simulator's own API under /_sim/. Errors are 400 `{error}` and name what is wrong. */
export async function controlRoute(
  platform: Platform,
  method: string,
  name: string,
  query: string,
  body: string,
  response: ServerResponse,
): Promise<void> {
  if (method === "GET" && name === "log") {
    await streamLog(platform, response);
    return;
  }
  const { status, body: said } = await control(platform, `${method} ${name}`, query, body);
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(said));
}

async function control(platform: Platform, call: string, query: string, body: string): Promise<Said> {
  switch (call) {
    case "GET stats":
      return { status: 200, body: platform.stats() };
    case "GET faults":
      return { status: 200, body: platform.faults };
    case "GET replies":
      return { status: 200, body: platform.replies };
    case "PUT faults":
      return saidOf(newFaults(platform.faults, query, body), (faults) => {
        platform.faults = faults;
        return { ok: true, value: faults };
      });
    case "PUT replies":
      return saidOf(read(body, parseReplies), (replies) => {
        platform.replies = replies;
        return { ok: true, value: replies };
      });
    case "PUT webhooks":
      return saidOf(read(body, parseWebhook), (wanted) => (platform.setDestination(wanted) ? done : unknownAccount));
    case "POST inbound":
      return saidOf(read(body, parseInbound), (message) => {
        const guid = platform.hear(message);
        return guid === undefined ? unknownAccount : { ok: true, value: { guid } };
      });
    case "POST reset":
      await platform.reset();
      return { status: 200, body: { ok: true } };
    default:
      return { status: 404, body: { error: `no such control: ${call}` } };
  }
}

function saidOf<T>(parsed: Parsed<T>, act: (value: T) => Parsed<object>): Said {
  const acted = parsed.ok ? act(parsed.value) : parsed;
  return acted.ok ? { status: 200, body: acted.value } : { status: 400, body: { error: acted.error } };
}

/** A preset replaces everything; what the body names is laid over it, or over what is set. */
function newFaults(current: Faults, query: string, body: string): Parsed<Faults> {
  const preset = parseForm(query)?.get("preset");
  const base: Parsed<Faults> = preset === undefined ? { ok: true, value: current } : parsePreset(preset);
  if (!base.ok || (preset !== undefined && body.trim() === "")) return base;
  return read(body, (given) => parseFaults(base.value, given));
}

function read<T>(body: string, parse: (given: unknown) => Parsed<T>): Parsed<T> {
  try {
    return parse(JSON.parse(body));
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false, error: "the body is not JSON" };
    throw error;
  }
}

async function streamLog(platform: Platform, response: ServerResponse): Promise<void> {
  response.writeHead(200, { "Content-Type": "application/x-ndjson" });
  try {
    await pipeline(Readable.from(platform.journal.lines()), response);
  } catch (error) {
    if (!response.destroyed) throw error; // a reader that went away is no matter of ours
  }
}
