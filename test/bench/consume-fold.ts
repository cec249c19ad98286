import { contactCodec } from "@outrider/contracts/contact";
import { streams, subjects } from "@outrider/contracts/streams";
import { ensureStream, follow, headerLines } from "@outrider/eventing";
import { type Contact, contact as rule } from "../../services/sms-sender/src/contact.ts";
import { against, type Bench } from "./bench.ts";
import { freeLease, type Ground, openGround, positionInMemory } from "./ground.ts";
import { account, at, contactsOf, life, traceparent } from "./life-of-a-contact.ts";
import { compared, inTurns, type Round, sideOf, timed } from "./rounds.ts";

const goal = 0.7;
const batch = 500;
/** Contacts of one page of allocations: their steps come after one another, as in a run. */
const page = 500;

const fill = async ({ kernel: { publisher }, jsm }: Ground, contacts: readonly string[]): Promise<void> => {
  await ensureStream(jsm, streams.sms);
  const ids = contactsOf(contacts.length);
  for (let from = 0; from < ids.length; from += page) {
    for (const [step, make] of life.entries()) {
      const stored = ids.slice(from, from + page).map((id) => {
        const cause = {
          commandId: `start:${id}:${step}`,
          at,
          correlation: "HUNTS:3",
          causation: "HUNTS:17",
          actor: "sms-sender",
          traceparent,
        };
        const lines = headerLines({ ...cause, executionId: crypto.randomUUID() });
        return publisher.publish(subjects.smsContact(account, id), contactCodec.encode(at, [make(id)]), lines, 60_000);
      });
      await Promise.all(stored);
    }
  }
};

/** `follow` as every reader uses it: headers and body decoded and checked, the sender's own rule evolved, one state per contact. */
const ours = async ({ kernel }: Ground, count: number): Promise<void> => {
  const states = new Map<string, Contact>();
  const done = Promise.withResolvers<void>();
  let folded = 0;
  const options = {
    name: "bench",
    stream: streams.sms.name,
    codec: contactCodec,
    positions: positionInMemory(),
    acquire: freeLease,
    batch,
  };
  const follower = follow(kernel, options, async (messages) => {
    for (const { subject, events, at } of messages) {
      let state = states.get(subject) ?? rule.initial();
      for (const event of events) state = rule.evolve(state, event, at);
      states.set(subject, state);
    }
    folded += messages.length;
    if (folded === count) done.resolve();
  });
  await done.promise;
  await follower.stop();
  if (states.size * life.length !== count) throw new Error("not every contact was folded");
};

/** An ordered consumer of the same client with the same number of messages asked for at a time, whose bytes are counted. Nothing is decoded. */
const raw = async ({ js }: Ground, count: number): Promise<void> => {
  const consumer = await js.consumers.get(streams.sms.name, {});
  const messages = await consumer.consume({ max_messages: 2 * batch, expires: 10_000, idle_heartbeat: 2500 });
  let seen = 0;
  let bytes = 0;
  for await (const { data } of messages) {
    bytes += data.length;
    seen++;
    if (seen === count) break;
  }
  await messages.close();
  if (bytes === 0) throw new Error("nothing was read");
};

export const consumeFold: Bench = {
  name: "consumeFold",
  about: "read through follow, decode and fold, against a raw ordered consumer that counts bytes",
  run: async ({ messages, rounds }, tell) => {
    await using ground = await openGround();
    const contacts = Math.max(1, Math.round(messages / life.length));
    const count = contacts * life.length;
    await fill(ground, contactsOf(contacts));
    const side =
      (name: string, work: () => Promise<void>) =>
      async (round: number): Promise<Round> => {
        const took = await timed(work, ground.serverCpuMs);
        tell(`${name} ${round === 0 ? "warming up" : `round ${round}`}: ${Math.round(count / (took.ms / 1000))}/s`);
        return took;
      };
    const [oursTook, rawTook] = await inTurns(rounds, [side("ours", () => ours(ground, count)), side("raw", () => raw(ground, count))]);
    const [oursSide, rawSide] = [sideOf(oursTook, count), sideOf(rawTook, count)];
    const figures = compared(oursSide, rawSide);
    return {
      figures,
      tables: [
        {
          title: `${count} messages of ${contacts} contacts`,
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
