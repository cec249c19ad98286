import { connect } from "node:net";
import { NATS_MINIMUM } from "./nats-binary.ts";
import { isAtLeast } from "./run-tool.ts";
import { messageOf, StackError } from "./stack-error.ts";

export interface NatsInfo {
  readonly version: string;
  readonly jetStream: boolean;
}

const DEFAULT_PORT = 4222;
const GREETING_BYTES = 64 * 1024;

/**
 * What the server at the first address of `urls` (comma separated, scheme optional) says of itself in the greeting that it sends to
 * whoever connects, before any login.
 * @throws StackError when nobody answers within `timeoutMs` or the answer is not that of a nats-server.
 */
export async function natsInfo(urls: string, timeoutMs = 5_000): Promise<NatsInfo> {
  const first = urls.split(",")[0]?.trim() ?? "";
  try {
    const url = new URL(first.includes("://") ? first : `nats://${first}`);
    return parseGreeting(await greeting(url.hostname, Number(url.port || DEFAULT_PORT), timeoutMs));
  } catch (error) {
    throw new StackError(
      "start-failed",
      `NATS_URL does not lead to a nats-server (${messageOf(error)}): correct it, or unset it to let Outrider start its own.`,
    );
  }
}

/** Refuses a server of somebody else's that lacks what Outrider needs. */
export async function requireNats(urls: string): Promise<NatsInfo> {
  const info = await natsInfo(urls);
  if (!isAtLeast(info.version, NATS_MINIMUM)) {
    throw new StackError(
      "too-old",
      `The nats-server at NATS_URL is version ${info.version}, too old: upgrade it to ${NATS_MINIMUM} or later, or unset NATS_URL.`,
    );
  }
  if (!info.jetStream)
    throw new StackError("start-failed", "The nats-server at NATS_URL runs without JetStream: start it with `-js`, or unset NATS_URL.");
  return info;
}

function greeting(host: string, port: number, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let text = "";
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(timeoutMs, () => fail(new Error("no greeting in time")));
    socket.once("error", fail);
    socket.once("end", () => fail(new Error("the connection was closed")));
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const end = text.indexOf("\r\n");
      if (end < 0 && text.length < GREETING_BYTES) return;
      socket.destroy();
      resolve(text.slice(0, Math.max(end, 0)));
    });
  });
}

function parseGreeting(line: string): NatsInfo {
  if (!line.startsWith("INFO ")) throw new Error("something else answered");
  const info: unknown = JSON.parse(line.slice("INFO ".length));
  if (typeof info !== "object" || info === null || !("version" in info) || typeof info.version !== "string")
    throw new Error("something else answered");
  return { version: info.version, jetStream: "jetstream" in info && info.jetstream === true };
}
