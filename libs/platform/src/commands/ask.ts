import { errors, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { type CommandDefinition, header, replyEnvelope } from "@outrider/contracts/commands";
import {
  type HeaderLines,
  headerLine,
  type Instruments,
  joined,
  pipelinedRequests,
  type Requests,
  randomId,
  Unavailable,
} from "@outrider/eventing";
import { currentTrace } from "../trace.ts";
import { mayHaveHappened, Refusal } from "./refusal.ts";

export interface AskOptions {
  /** Known by its effect: a repeat with the same id changes nothing. Random by default. */
  readonly commandId?: string | undefined;
  readonly correlation?: string | undefined;
  /** What caused this command: `STREAM:seq`. */
  readonly causation?: string | undefined;
  /** Who asks; the asking service by default. */
  readonly actor?: string | undefined;
  readonly traceparent?: string | undefined;
  /** How long to wait for the answer. */
  readonly timeoutMs?: number | undefined;
  /** Real epoch milliseconds after which the command must not be carried out; shortens the wait. */
  readonly deadline?: number | undefined;
}

/** Asks another service. Rejects with `Refusal` for its "no", with the kernel's `Unavailable` when no answer could be had. */
export type Ask = <Request, Reply>(
  command: CommandDefinition<Request, Reply>,
  request: NoInfer<Request>,
  options?: AskOptions,
) => Promise<Reply>;

/** Questions under way over one connection. The client's own requests make an error with its stack for each that is answered. */
export type Questions = Requests<Msg>;
export const questionsOver = (nats: NatsConnection): Questions => pipelinedRequests(nats, (answer) => answer);

interface Asker {
  readonly questions: Pick<Questions, "request">;
  readonly isUp: () => boolean;
  readonly name: string;
  readonly instruments: Pick<Instruments, "span" | "time">;
}

export const createAsk =
  ({ questions, isUp, name, instruments }: Asker): Ask =>
  (command, request, options = {}) =>
    instruments.span(
      {
        name: `send ${command.subject}`,
        kind: "client",
        parent: options.traceparent ?? currentTrace.getStore(),
        attributes: {
          "messaging.system": "nats",
          "messaging.operation.name": "request",
          "messaging.operation.type": "send",
          "messaging.destination.template": command.subject,
        },
      },
      async (traceparent) => {
        const now = Date.now();
        const deadline = Math.min(options.deadline ?? Number.POSITIVE_INFINITY, now + (options.timeoutMs ?? 5_000));
        if (deadline <= now) throw new Unavailable("the deadline had passed before the question was asked");
        // nats.js would keep the request and send it whenever the connection is back.
        if (!isUp()) throw new Unavailable("not connected to NATS");
        const sent = headersOf(name, options, deadline, traceparent);
        const answer = await answerOf(questions, command, Buffer.from(JSON.stringify(request)), sent, deadline - now);
        return readReply(command, answer);
      },
    );

const headersOf = (name: string, options: AskOptions, deadline: number, traceparent: string): HeaderLines => {
  const commandId = options.commandId ?? randomId();
  const told = joined(
    headerLine(header.command, commandId),
    headerLine(header.correlation, options.correlation ?? commandId),
    headerLine(header.actor, options.actor ?? name),
    headerLine(header.deadline, String(deadline)),
    headerLine(header.traceparent, traceparent),
  );
  return options.causation === undefined ? told : joined(told, headerLine(header.causation, options.causation));
};

const answerOf = async <Request, Reply>(
  questions: Asker["questions"],
  { service, name, subject }: CommandDefinition<Request, Reply>,
  body: Uint8Array,
  sent: HeaderLines,
  timeout: number,
): Promise<Msg> => {
  const answer = await questions.request(subject, body, sent, timeout).catch((error: unknown) => {
    // The client looks at the size before anything leaves: asking again would not help.
    if (error instanceof errors.InvalidArgumentError)
      throw new Refusal("too-large", `${service} cannot be asked ${name}: that is too long`);
    if (!(error instanceof Unavailable)) throw error;
    const { mayHaveHappened: left, message } = error;
    throw new Unavailable(`${service} ${left ? "did not answer" : "could not be asked"} ${name}: ${message}`, {
      cause: error,
      mayHaveHappened: left,
    });
  });
  if (answer.data.length === 0 && answer.headers?.code === noResponders) {
    throw new Unavailable(`${service} does not answer ${name}: it is not running`);
  }
  return answer;
};

/** The server's own answer where nobody listens. */
const noResponders = 503;

const readReply = <Request, Reply>(command: CommandDefinition<Request, Reply>, answer: Msg): Reply => {
  const reply = replyEnvelope.safeParse(parsed(answer));
  if (!reply.success) throw new Refusal("internal", `${command.service} gave an answer to ${command.name} that is not in the agreed form`);
  if (reply.data.ok) {
    const value = command.reply.safeParse(reply.data.value);
    if (value.success) return value.data;
    const fields = value.error.issues.map((issue) => issue.path.map(String).join(".")).join(", ");
    throw new Refusal("internal", `${command.service} answered ${command.name} in another form than agreed: ${fields}`);
  }
  const { slug, message, rule } = reply.data;
  if (slug === "unavailable") throw new Unavailable(message, { mayHaveHappened: rule === mayHaveHappened });
  throw new Refusal(slug, message, rule);
};

const parsed = (answer: Msg): unknown => {
  try {
    return answer.json();
  } catch {
    return undefined; // not JSON: told as an answer out of form
  }
};
