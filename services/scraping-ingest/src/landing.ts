import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { type AdEvent, adCodec } from "@outrider/contracts/ads";
import { type AggregateSubject, streams, subjects } from "@outrider/contracts/streams";
import {
  type Aggregate,
  aggregate,
  type Cause,
  type EventStore,
  isNotFound,
  jetStreamStore,
  type Kernel,
  type Recorded,
  Unavailable,
  Unfoldable,
  wire,
} from "@outrider/eventing";
import type { Keyring } from "@outrider/platform";
import { type AdState, adRule, type SeeAd, unchanged } from "./ad.ts";
import { limits } from "./config.ts";
import { type Before, type Known, type Landed, type Landing, type Sighting, seal } from "./sighting.ts";

export interface Lander {
  /** Lands each ad of a page once, however often it is asked with the same import; answers in the page's order. */
  readonly land: (page: readonly Sighting[], landing: Landing) => Promise<Landed[]>;
  readonly ads: Aggregate<AdState, SeeAd, AdEvent, never>;
}

interface LanderParts {
  readonly kernel: Pick<Kernel, "jsm" | "publisher">;
  readonly keyring: Pick<Keyring, "sealMany">;
  readonly now: () => string;
}

const unheardOf: Before = { ad: undefined, revision: 0 };

/**
 * Pages go in one of two ways. Where ads are mostly new, each is appended as the first of its subject, and only refused ones are looked up.
 * Where they are mostly known, the last messages of the whole page are read together first. Which one is chosen by what the page
 * before was made of; both end in the same rule and the same guarded append.
 */
export const lander = ({ kernel: { jsm, publisher }, keyring, now }: LanderParts): Lander => {
  const store: EventStore<AdEvent> = jetStreamStore({ jsm, publisher, stream: streams.ads.name, codec: adCodec });
  const ads = aggregate(store, adRule, { cache: 100 });
  /** By import: how the page before went. */
  const mostlyNew = new Map<string, boolean>();

  const land = async (page: readonly Sighting[], landing: Landing): Promise<Landed[]> => {
    const answers = new Map<number, Landed>();
    const look = mostlyNew.get(landing.import) !== true;
    const refused = await round(
      look ? await lookUp(jsm, page, landing) : page.map((sighting) => ({ sighting, before: unheardOf })),
      answers,
      landing,
    );
    const again = refused.length === 0 ? [] : await round(await lookUp(jsm, refused, landing), answers, landing);
    // Somebody else is at the same ad right now: one by one, through the aggregate.
    for (const sighting of again) answers.set(sighting.row, await one(sighting, landing));
    const landed = page.map(({ row }) => answers.get(row) ?? "duplicate");
    mostlyNew.clear(); // of the imports that run now only the last one is worth remembering
    mostlyNew.set(landing.import, landed.filter((what) => what === "new").length * 2 > landed.length);
    return landed;
  };

  /** Answers what it can, appends what it must, and gives back the sightings whose subject had moved. */
  const round = async (known: readonly Known[], answers: Map<number, Landed>, landing: Landing): Promise<readonly Sighting[]> => {
    const open: Known[] = [];
    for (const item of known) {
      const answer = item.earlier ?? (isUnchanged(item) ? "duplicate" : undefined);
      if (answer === undefined) open.push(item);
      else answers.set(item.sighting.row, answer);
    }
    const commands = await seal(keyring, open, landing);
    const conflicts: Sighting[] = [];
    await Promise.all(
      open.map(async (item, at) => {
        const command = commands[at];
        const answer = command === undefined ? undefined : await append(item, command, landing);
        if (answer === "conflict") conflicts.push(item.sighting);
        else if (answer !== undefined) answers.set(item.sighting.row, answer);
      }),
    );
    return conflicts;
  };

  const append = async ({ sighting, before }: Known, command: SeeAd, landing: Landing): Promise<Landed | "conflict"> => {
    const decision = adRule.decide(before.ad === undefined ? { known: false } : { known: true, ad: before.ad }, command);
    if (!decision.accepted || decision.events.length === 0) return "duplicate";
    const { events } = decision;
    const guarded = { ...causeOf(sighting, landing), events, expected: before.revision, executionId: crypto.randomUUID(), closing: 0 };
    const { kind } = await store.append(subjectOf(sighting, landing), guarded, performance.now() + limits.appendMs);
    return kind === "conflict" ? kind : meaningOf(events);
  };

  const one = async (sighting: Sighting, landing: Landing): Promise<Landed> => {
    const subject = subjectOf(sighting, landing);
    const { state, revision } = await ads.fold(subject);
    const [command] = await seal(keyring, [{ sighting, before: { ad: state.known ? state.ad : undefined, revision } }], landing);
    if (command === undefined) return "duplicate";
    const outcome = await ads.execute(subject, command, causeOf(sighting, landing));
    return meaningOf(outcome.kind === "refused" ? [] : outcome.events);
  };

  const causeOf = ({ row }: Sighting, landing: Landing): Cause => ({ ...landing.cause, commandId: commandOf(landing, row), at: now() });

  return { land, ads };
};

const isUnchanged = ({ sighting: { digest, owner }, before: { ad } }: Known): boolean =>
  ad !== undefined && unchanged(ad, { digest, hasOwner: owner !== undefined, erased: owner?.erased ?? false });

/** Known by import and row: a resumed import finds what it had done. */
const commandOf = (landing: Landing, row: number): string => `${landing.import}:${row}`;

const subjectOf = ({ ad }: Sighting, { account }: Landing): AggregateSubject => subjects.ad(account, ad);

const meaningOf = (events: readonly AdEvent[]): Landed =>
  events[0]?.type === "AdListed" ? "new" : events[0]?.type === "AdChanged" ? "changed" : "duplicate";

/** The last messages of a page's ads, in one request, from whichever replica answers: a guarded append finds out if it was behind. */
const lookUp = async (jsm: JetStreamManager, page: readonly Sighting[], landing: Landing): Promise<Known[]> => {
  const found = new Map<string, StoredMsg>();
  const wanted = page.map((sighting) => subjectOf(sighting, landing));
  try {
    const messages = await jsm.direct.getLastMessagesFor(streams.ads.name, { multi_last: wanted, batch: wanted.length });
    for await (const message of messages) found.set(message.subject, message);
  } catch (error) {
    // "None of these has a message" comes as an error of this code.
    if (!isNotFound(error)) throw new Unavailable("ads cannot be read now", { cause: error });
  }
  return page.map((sighting, at) => {
    const message = found.get(wanted[at] ?? "");
    if (message === undefined) return { sighting, before: unheardOf };
    const events = decoded(message);
    const ad = events.at(-1)?.data.ad;
    const own = message.header.get(wire.command) === commandOf(landing, sighting.row);
    return { sighting, before: { ad, revision: message.seq }, earlier: own ? meaningOf(events) : undefined };
  });
};

const decoded = (message: StoredMsg): Recorded<AdEvent>["events"] => {
  const read = adCodec.decode(message.data);
  if (read.kind === "events") return read.events;
  throw new Unfoldable(read.kind, streams.ads.name, message.seq, read.kind === "newer" ? read.what : read.reason);
};
