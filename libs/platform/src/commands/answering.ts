import type { Msg } from "@nats-io/transport-node";
import type { ProblemSlug } from "@outrider/contracts/commands";
import { CommandReused, type Instruments, randomId, Unavailable } from "@outrider/eventing";
import type { Logger } from "../logging.ts";
import { type CommandContext, type CommandHandler, ReceivedContext } from "./handler.ts";
import { keyReused, mayHaveHappened, Refusal } from "./refusal.ts";

export interface AnsweringHost {
  readonly name: string;
  readonly log: Pick<Logger, "error">;
  readonly instruments: Pick<Instruments, "span" | "count" | "time">;
}

/** Runs the handlers, at most `concurrency` at once, and turns whatever comes of it into an answer. */
export class Answering {
  running = 0;
  readonly #host: AnsweringHost;
  readonly #concurrency: number;
  #waiting: (() => void)[] = [];

  constructor(host: AnsweringHost, concurrency: number) {
    this.#host = host;
    this.#concurrency = concurrency;
  }

  take(handler: CommandHandler, message: Msg, done: (ms: number, error?: string) => void): void {
    const { name } = handler.definition;
    const context = new ReceivedContext(message);
    if (Date.now() >= context.deadlineAt) {
      this.#host.instruments.count("commands_total", { command: name, outcome: "expired" });
      return;
    }
    if (this.running >= this.#concurrency) {
      this.#host.instruments.count("commands_total", { command: name, outcome: "busy" });
      message.respond(refused("unavailable", `${this.#host.name} answers as much as it can; ask again`));
      return;
    }
    this.running++;
    void this.#answer(handler, message, context, done);
  }

  idle(): Promise<void> {
    return this.running === 0 ? Promise.resolve() : new Promise((done) => this.#waiting.push(done));
  }

  async #answer(
    handler: CommandHandler,
    message: Msg,
    context: ReceivedContext,
    done: (ms: number, error?: string) => void,
  ): Promise<void> {
    const { definition } = handler;
    const { instruments } = this.#host;
    const began = performance.now();
    let outcome = "ok";
    try {
      const value = await instruments.span(
        { name: `process ${definition.subject}`, kind: "server", parent: context.parent, attributes: attributesOf(definition.subject) },
        (traceparent) => {
          context.traceparent = traceparent;
          return handler.run(read(message), context);
        },
      );
      message.respond(JSON.stringify({ ok: true, value: value ?? null }));
    } catch (error) {
      const { slug, body } = this.#refusalOf(error, definition.name, context);
      outcome = slug;
      message.respond(body);
    } finally {
      const ms = performance.now() - began;
      instruments.count("commands_total", { command: definition.name, outcome });
      instruments.time("command_seconds", { command: definition.name }, ms / 1000);
      done(ms, outcome === "internal" ? "internal" : undefined);
      this.running--;
      if (this.running === 0) {
        for (const resolve of this.#waiting) resolve();
        this.#waiting = [];
      }
    }
  }

  #refusalOf(thrown: unknown, command: string, context: CommandContext): { readonly slug: ProblemSlug; readonly body: string } {
    const error = thrown instanceof CommandReused ? keyReused() : thrown;
    if (error instanceof Refusal) return { slug: error.slug, body: refused(error.slug, error.message, error.rule) };
    if (error instanceof Unavailable) {
      return { slug: "unavailable", body: refused("unavailable", error.message, error.mayHaveHappened ? mayHaveHappened : undefined) };
    }
    const reference = randomId();
    this.#host.log.error({ reference, command, commandId: context.commandId, error }, "a command failed unexpectedly");
    return { slug: "internal", body: refused("internal", `${this.#host.name} failed to answer ${command}; reference ${reference}`) };
  }
}

const read = (message: Msg): unknown => {
  try {
    return JSON.parse(Buffer.from(message.data.buffer, message.data.byteOffset, message.data.byteLength).toString("utf8"));
  } catch {
    throw new Refusal("invalid-request", "the request is not JSON");
  }
};

const refused = (slug: ProblemSlug, message: string, rule?: string): string => JSON.stringify({ ok: false, slug, message, rule });

const attributesOf = (subject: string): Readonly<Record<string, string>> => ({
  "messaging.system": "nats",
  "messaging.operation.name": "process",
  "messaging.operation.type": "process",
  "messaging.destination.template": subject,
});
