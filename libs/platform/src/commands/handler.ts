import type { Msg } from "@nats-io/transport-node";
import { type CommandDefinition, header } from "@outrider/contracts/commands";
import { randomId } from "@outrider/eventing";
import { Refusal } from "./refusal.ts";

/** What came with a request besides itself. */
export interface CommandContext {
  readonly commandId: string;
  readonly correlation: string;
  readonly causation: string | undefined;
  readonly actor: string;
  readonly traceparent: string;
  /** Aborted at the caller's deadline. */
  readonly deadline: AbortSignal;
  /** The caller's deadline in real epoch milliseconds. */
  readonly deadlineAt: number;
}

export interface CommandHandler {
  readonly definition: CommandDefinition<unknown, unknown>;
  readonly run: (request: unknown, context: CommandContext) => Promise<unknown>;
}

/** Joins a command with what answers it: a value, or a thrown `Refusal`. */
export const handle = <Request, Reply>(
  definition: CommandDefinition<Request, Reply>,
  answer: (request: Request, context: CommandContext) => Promise<NoInfer<Reply>>,
): CommandHandler => ({
  definition,
  run: (request, context) => {
    const parsed = definition.request.safeParse(request);
    if (parsed.success) return answer(parsed.data, context);
    const fields = parsed.error.issues.map((issue) => `${issue.path.map(String).join(".") || "request"}: ${issue.message}`);
    throw new Refusal("invalid-request", `these fields do not fit: ${fields.join("; ")}`);
  },
});

// A caller that names no deadline has given up by then.
const longestMs = 60_000;

/** The headers of a request, read only as far as somebody asks. */
export class ReceivedContext implements CommandContext {
  readonly deadlineAt: number;
  /** The caller's own span; the handler gets the one of the work itself. */
  readonly parent: string | undefined;
  traceparent = "";
  readonly #message: Msg;
  #deadline: AbortSignal | undefined;
  #commandId: string | undefined;

  constructor(message: Msg) {
    this.#message = message;
    const deadline = Number(this.#read(header.deadline));
    this.deadlineAt = Number.isSafeInteger(deadline) && deadline > 0 ? deadline : Date.now() + longestMs;
    this.parent = this.#read(header.traceparent);
  }

  get commandId(): string {
    this.#commandId ??= this.#read(header.command) ?? randomId();
    return this.#commandId;
  }

  get correlation(): string {
    return this.#read(header.correlation) ?? this.commandId;
  }

  get causation(): string | undefined {
    return this.#read(header.causation);
  }

  get actor(): string {
    return this.#read(header.actor) ?? "unknown";
  }

  /** Made when asked for: a timer per command would cost more than most commands. */
  get deadline(): AbortSignal {
    this.#deadline ??= AbortSignal.timeout(Math.max(0, this.deadlineAt - Date.now()));
    return this.#deadline;
  }

  #read(name: string): string | undefined {
    const value = this.#message.headers?.get(name);
    return value === undefined || value === "" ? undefined : value;
  }
}
