import { type ContactEvent, contactCodec } from "@outrider/contracts/contact";
import { type RunEvent, runCodec } from "@outrider/contracts/hunts";
import type { AccountId } from "@outrider/contracts/ids";
import { personCodec } from "@outrider/contracts/registry";
import { parseSubject, streams } from "@outrider/contracts/streams";
import { type Codec, type Followed, watch } from "@outrider/eventing";
import { eventually, type World } from "../world.ts";

/** One contact as its events tell it, folded here apart from the sender's own rule: a second opinion. */
export interface Story {
  readonly subject: string;
  readonly account: string;
  readonly contact: string;
  readonly person: string;
  status: "requested" | "attempting" | "accepted" | "rejected" | "unknown" | "gated";
  /** When it was told last (`performance.now()`). */
  told: number;
  started: number;
  credits: number;
  providerId: string | undefined;
  rule: string | undefined;
  /** Nobody had heard an answer to one of its attempts. */
  wasUnknown: boolean;
  /** How often it was asked for. */
  requests: number;
  /** How often somebody decided that it is to be sent again. */
  resends: number;
  /** It was found in the provider's log after nobody had heard an answer. */
  reconciled: boolean;
  /** The phone could not send what had been accepted. */
  failed: boolean;
}

export interface Allocated {
  readonly account: string;
  readonly contact: string;
  readonly person: string;
  readonly hunt: string;
}

/** What the streams say, followed as it happens by the test itself. */
export interface Chronicle {
  /** What the sandbox's clock is ahead, ms. */
  readonly offsetMs: number;
  readonly contacts: ReadonlyMap<string, Story>;
  /** By contact. */
  readonly allocated: ReadonlyMap<string, Allocated>;
  /** Passes that are open, by `<account> <run> <pass>`. */
  readonly open: ReadonlySet<string>;
  readonly pages: ReadonlyMap<string, number>;
  /** Real time in ms of each person's first opt-out, by `<account> <person>`. */
  readonly optedOut: ReadonlyMap<string, number>;
  /** What must never happen to one contact, seen as it was told. */
  readonly violations: readonly { readonly what: string; readonly subject: string }[];
  readonly storiesOf: (account: AccountId) => readonly Story[];
  /** Resolves when all that the streams hold at this moment has been told. */
  readonly upToNow: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** `offsetMs`: what the sandbox's clock is ahead. */
export const openChronicle = async ({ kernel }: World, offsetMs: number): Promise<Chronicle> => {
  const contacts = new Map<string, Story>();
  const allocated = new Map<string, Allocated>();
  const open = new Set<string>();
  const pages = new Map<string, number>();
  const optedOut = new Map<string, number>();
  const violations: { what: string; subject: string }[] = [];
  const seen = new Map<string, number>();

  const read = <Event>(stream: string, filter: string, codec: Codec<Event>, take: (message: Followed<Event>) => void) =>
    watch(kernel, { name: `chronicle ${filter}`, stream, filters: [filter], codec }, (message) => {
      take(message);
      seen.set(filter, message.revision);
    });
  const watches = [
    read(streams.sms.name, "sms.contact.>", contactCodec, ({ subject, events }) => {
      for (const event of events) {
        const wrong = tell(contacts, subject, event);
        if (wrong !== undefined) violations.push({ what: wrong, subject });
      }
    }),
    read(streams.hunts.name, "hunts.run.>", runCodec, ({ subject, events }) => {
      for (const event of events) tellRun({ allocated, open, pages }, subject, event);
    }),
    read(streams.registry.name, "registry.person.>", personCodec, ({ subject, at, events }) => {
      const about = parseSubject(subject);
      const key = `${about?.account} ${about?.id}`;
      if (events.some(({ type }) => type === "OptedOut") && !optedOut.has(key)) optedOut.set(key, Date.parse(at) - offsetMs);
    }),
  ];
  await Promise.all(watches.map(({ caughtUp }) => caughtUp));

  const lastOf = async (stream: string, filter: string): Promise<number> => {
    const last = await kernel.jsm.streams.getMessage(stream, { last_by_subj: filter });
    return last?.seq ?? 0;
  };
  const followed = [
    [streams.sms.name, "sms.contact.>"],
    [streams.hunts.name, "hunts.run.>"],
    [streams.registry.name, "registry.person.>"],
  ] as const;
  return {
    ...{ offsetMs, contacts, allocated, open, pages, optedOut, violations },
    storiesOf: (account) => [...contacts.values()].filter((story) => story.account === account),
    upToNow: async () => {
      for (const [stream, filter] of followed) {
        const last = await eventually(`the end of ${stream} is known`, () => lastOf(stream, filter));
        await eventually(`all of ${stream} is told`, async () => ((seen.get(filter) ?? 0) >= last ? true : undefined));
      }
    },
    stop: async () => void (await Promise.all(watches.map((each) => each.stop()))),
  };
};

/** Answers what must never happen. */
const tell = (contacts: Map<string, Story>, subject: string, event: ContactEvent): string | undefined => {
  const about = parseSubject(subject);
  if (about === undefined) return "the subject is none of a contact";
  const story = contacts.get(about.id);
  if (event.type === "ContactRequested") return requested(contacts, subject, about, event, story);
  if (story === undefined) return `${event.type} before it was requested`;
  story.told = performance.now();
  const was = story.status;
  const holds = was === "attempting" || was === "unknown";
  switch (event.type) {
    case "AttemptStarted":
      story.status = "attempting";
      story.started += 1;
      return was === "requested" ? undefined : `an attempt was started while it was ${was}`;
    case "AttemptAbandoned":
    case "AttemptRefusedForNow":
      story.status = "requested";
      return holds ? undefined : `${event.type} while it was ${was}`;
    case "AttemptUnknown":
      story.status = "unknown";
      story.wasUnknown = true;
      return was === "attempting" ? undefined : `AttemptUnknown while it was ${was}`;
    case "ContactAccepted":
      story.status = "accepted";
      story.providerId = event.data.providerId;
      story.reconciled = was === "unknown" && event.data.by === "reconciliation";
      return holds ? undefined : `ContactAccepted while it was ${was}`;
    case "ContactRejected":
      story.status = "rejected";
      return holds ? undefined : `ContactRejected while it was ${was}`;
    case "ContactGated":
      story.status = "gated";
      story.rule = event.data.rule;
      return was === "requested" ? undefined : `ContactGated while it was ${was}`;
    case "ResendAsked":
      story.status = "requested";
      story.resends += 1;
      return undefined;
    case "ContactFailed":
      story.failed = true;
      return was === "accepted" ? undefined : `ContactFailed while it was ${was}`;
    default:
      return undefined;
  }
};

const requested = (
  contacts: Map<string, Story>,
  subject: string,
  { account, id }: { readonly account: string; readonly id: string },
  { data }: Extract<ContactEvent, { type: "ContactRequested" }>,
  story: Story | undefined,
): string | undefined => {
  const begins = { status: "requested" as const, credits: data.credits, told: performance.now(), rule: undefined };
  if (story !== undefined) {
    const was = story.status;
    Object.assign(story, begins, { requests: story.requests + 1 });
    return was === "gated" ? undefined : `it was requested again while it was ${was}`;
  }
  const { person } = data;
  contacts.set(id, {
    subject,
    account,
    contact: id,
    person,
    ...begins,
    requests: 1,
    started: 0,
    providerId: undefined,
    wasUnknown: false,
    resends: 0,
    reconciled: false,
    failed: false,
  });
  return undefined;
};

const tellRun = (
  { allocated, open, pages }: { allocated: Map<string, Allocated>; open: Set<string>; pages: Map<string, number> },
  subject: string,
  { type, data }: RunEvent,
): void => {
  const about = parseSubject(subject);
  if (about === undefined) return;
  const { account } = about;
  const key = `${account} ${about.id} ${data.pass}`;
  if (type === "PassOpened") open.add(key);
  if (type === "PassClosed") open.delete(key);
  if (type !== "PageAllocated") return;
  pages.set(account, (pages.get(account) ?? 0) + 1);
  for (const { contact, person, hunt } of data.rows) allocated.set(contact, { account, contact, person, hunt });
};

const endings: ReadonlySet<string> = new Set(["accepted", "rejected", "unknown", "gated"]);
/** An attempt under way has not ended, whoever held it. */
export const hasEnded = ({ status }: Story): boolean => endings.has(status);
