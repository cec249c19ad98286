import { createInbox, type MsgHdrs } from "@nats-io/transport-node";
import type { ContactEvent } from "@outrider/contracts/contact";
import { contactCodec } from "@outrider/contracts/contact";
import type { ContactId } from "@outrider/contracts/ids";
import { streams, subjects } from "@outrider/contracts/streams";
import { type Append, ensureStream, headerLines, jetStreamStore, randomId } from "@outrider/eventing";
import { against, type Bench } from "./bench.ts";
import { type Ground, openGround } from "./ground.ts";
import { account, at, contactsOf, life, traceparent } from "./life-of-a-contact.ts";
import { compared, inTurns, type Round, sideOf, timed } from "./rounds.ts";

/** As many as our publisher's own window, so that neither side waits for the other's reason. */
const inFlight = 1024;
const goal = 0.8;

/** What a rule has decided, where it goes. Made beforehand for both sides: deciding is not appending. */
interface Decided {
  readonly contact: ContactId;
  readonly subject: string;
  readonly events: readonly ContactEvent[];
}

const decidedOf = (contact: ContactId): Decided => ({
  contact,
  subject: subjects.smsContact(account, contact),
  events: life.slice(0, 1).map((make) => make(contact)),
});

/** With what a reaction gives: an id out of the message that caused it, a correlation, a causation, an actor, a trace. */
const appendOf = ({ contact, events }: Decided): Append<ContactEvent> => ({
  ...{ commandId: `HUNTS:17:${contact}`, at, correlation: "HUNTS:3", causation: "HUNTS:17", actor: "sms-sender", traceparent },
  ...{ events, expected: 0, executionId: randomId(), closing: 0 },
});

const bytesOf = (decided: Decided) => {
  return {
    subject: decided.subject,
    data: contactCodec.encode(at, decided.events),
    headers: Buffer.from(`NATS/1.0\r\n${headerLines(appendOf(decided))}\r\n`),
  };
};

/** Encodes, stamps and publishes as `execute` does, `inFlight` at a time, each on a subject that is new. */
const ours = async ({ kernel: { jsm, publisher } }: Ground, decided: readonly Decided[]): Promise<void> => {
  const store = jetStreamStore({ jsm, publisher, stream: streams.sms.name, codec: contactCodec });
  const deadline = performance.now() + 120_000;
  const rest = decided.values();
  const worker = async (): Promise<void> => {
    for (const each of rest) {
      const appended = await store.append(each.subject, appendOf(each), deadline);
      if (appended.kind !== "appended") throw new Error("an append met a message that should not be there");
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
};

/** The same subjects, headers and bodies, made beforehand: publish, count the acknowledgements, keep the window full. Nothing else. */
const raw = async ({ nats }: Ground, messages: readonly ReturnType<typeof bytesOf>[]): Promise<void> => {
  const inbox = createInbox();
  const done = Promise.withResolvers<void>();
  let sent = 0;
  let stored = 0;
  const send = (): void => {
    const message = messages[sent];
    if (message === undefined) return;
    sent++;
    // The client only ever asks headers for their bytes.
    const headers = { encode: () => message.headers } as unknown as MsgHdrs;
    nats.publish(message.subject, message.data, { reply: `${inbox}.${sent}`, headers });
  };
  const subscription = nats.subscribe(`${inbox}.*`, {
    callback: (_error, answer) => {
      if (answer.string().includes('"error"')) done.reject(new Error(answer.string()));
      stored++;
      if (stored === messages.length) done.resolve();
      else send();
    },
  });
  for (let first = 0; first < inFlight; first++) send();
  await done.promise;
  subscription.unsubscribe();
};

/** Every round begins with an empty stream, so that neither side meets a larger one. */
const fresh = async ({ jsm }: Ground): Promise<void> => {
  if ((await ensureStream(jsm, streams.sms)).kind !== "created") {
    await jsm.streams.delete(streams.sms.name);
    await ensureStream(jsm, streams.sms);
  }
};

export const append: Bench = {
  name: "append",
  about: "append with expected sequence, command id, execution id and trace, against a raw publisher of the same bytes",
  run: async ({ messages: count, rounds }, tell) => {
    await using ground = await openGround();
    const decided = contactsOf(count).map(decidedOf);
    const messages = decided.map(bytesOf);
    const size = messages.reduce((sum, { data, headers }) => sum + data.length + headers.length, 0) / count;
    const side =
      (name: string, work: () => Promise<void>) =>
      async (round: number): Promise<Round> => {
        await fresh(ground);
        const took = await timed(work, ground.serverCpuMs);
        tell(`${name} ${round === 0 ? "warming up" : `round ${round}`}: ${Math.round(count / (took.ms / 1000))}/s`);
        return took;
      };
    const [oursTook, rawTook] = await inTurns(rounds, [
      side("ours", () => ours(ground, decided)),
      side("raw", () => raw(ground, messages)),
    ]);
    const [oursSide, rawSide] = [sideOf(oursTook, count), sideOf(rawTook, count)];
    const figures = compared(oursSide, rawSide);
    return {
      figures,
      tables: [
        {
          title: `${count} messages a round, ${Math.round(size)} bytes each with headers, ${inFlight} in flight, each the first of its subject`,
          head: ["", "median /s", "best /s", "CPU µs each (client and server)"],
          rows: [
            ["ours", oursSide.median, oursSide.best, oursSide.cpuMicrosPerItem],
            ["raw", rawSide.median, rawSide.best, rawSide.cpuMicrosPerItem],
          ],
        },
      ],
      notes: [`ours / raw: ${against(figures.ratio, goal)}; of the best rounds ${figures.bestRatio}, by CPU time ${figures.cpuRatio}`],
    };
  },
};
