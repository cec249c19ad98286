import type { NatsConnection } from "@nats-io/transport-node";
import type { Health } from "../health.ts";
import { Answering, type AnsweringHost } from "./answering.ts";
import type { CommandHandler } from "./handler.ts";
import { type Micro, serveMicro } from "./micro.ts";

/** What serving needs of a service. */
export interface CommandHost extends AnsweringHost {
  readonly replica: string;
  readonly version: string;
  readonly nats: NatsConnection;
  readonly onStop: (what: string, end: () => Promise<void> | void) => void;
  readonly health: Pick<Health, "fatal">;
}

export interface ServedCommands extends AsyncDisposable {
  /** How many are being answered right now. */
  readonly running: () => number;
}

/**
 * Answers commands at `cmd.<service>.<name>` through the NATS services API, each by one replica. Beyond `concurrency` at once the answer
 * is "unavailable". Requests whose deadline has passed are dropped without an answer. Disposing takes no more and waits for those at hand.
 */
export const serveCommands = async (
  host: CommandHost,
  handlers: readonly CommandHandler[],
  { concurrency = 256 }: { readonly concurrency?: number } = {},
): Promise<ServedCommands> => {
  const foreign = handlers.find(({ definition }) => definition.service !== host.name);
  if (foreign !== undefined) throw new TypeError(`${foreign.definition.subject} is not for ${host.name} to answer`);
  const answering = new Answering(host, concurrency);
  const micro = serveMicro(host.nats, {
    name: host.name,
    version: host.version,
    description: `Outrider ${host.name}`,
    metadata: { replica: host.replica },
    endpoints: handlers.map((handler) => ({
      name: handler.definition.name,
      subject: handler.definition.subject,
      take: (message, done) => answering.take(handler, message, done),
    })),
  });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= micro.drain().then(() => answering.idle());
    return closing;
  };
  void endUnasked(micro, () => closing !== undefined || host.nats.isClosed() || host.nats.isDraining(), host);
  host.onStop("commands", close);
  // The server knows the subscriptions before anybody is told that we serve.
  await host.nats.flush();
  return { running: () => answering.running, [Symbol.asyncDispose]: close };
};

/** A subscription that the server refuses or cuts leaves a service that looks alive and answers nothing. */
const endUnasked = async (micro: Micro, expected: () => boolean, host: CommandHost): Promise<void> => {
  const error = await micro.ended;
  if (expected()) return;
  host.log.error({ error }, "commands are no longer served");
  host.health.fatal("commands are no longer served");
};
