import { errors, headers, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { type CommandDefinition, header, replyEnvelope } from "@outrider/contracts/commands";
import { type Instruments, randomId, Unavailable } from "@outrider/eventing";
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

interface Asker {
  readonly nats: NatsConnection;
  readonly isUp: () => boolean;
  readonly name: string;
  readonly instruments: Pick<Instruments, "span" | "time">;
}

export const createAsk =
  ({ nats, isUp, name, instruments }: Asker): Ask =>
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
        const answer = await request_(nats, command, JSON.stringify(request), sent, deadline - now);
        return readReply(command, answer);
      },
    );

const headersOf = (name: string, options: AskOptions, deadline: number, traceparent: string): MsgHdrs => {
  const sent = headers();
  const commandId = options.commandId ?? randomId();
  sent.set(header.command, commandId);
  sent.set(header.correlation, options.correlation ?? commandId);
  sent.set(header.actor, options.actor ?? name);
  sent.set(header.deadline, String(deadline));
  sent.set(header.traceparent, traceparent);
  if (options.causation !== undefined) sent.set(header.causation, options.causation);
  return sent;
};

const request_ = async <Request, Reply>(
  nats: NatsConnection,
  command: CommandDefinition<Request, Reply>,
  body: string,
  sent: MsgHdrs,
  timeout: number,
): Promise<Msg> => {
  try {
    return await nats.request(command.subject, body, { headers: sent, timeout });
  } catch (error) {
    const cause = error instanceof errors.RequestError && error.cause instanceof Error ? error.cause : error;
    if (cause instanceof errors.NoRespondersError) {
      throw new Unavailable(`${command.service} does not answer ${command.name}: it is not running`);
    }
    if (cause instanceof errors.TimeoutError) {
      throw new Unavailable(`${command.service} did not answer ${command.name} in time`, { cause, mayHaveHappened: true });
    }
    throw new Unavailable(`${command.service} could not be asked`, { cause: error, mayHaveHappened: true });
  }
};

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
