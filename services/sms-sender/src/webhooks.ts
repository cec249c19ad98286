import { classifyReply } from "@outrider/contact-policy/reply";
import { type AccountId, accountId, hashId, inboundId, type PersonId } from "@outrider/contracts/ids";
import { type InboxEvent, inboxCodec, webhookRequest } from "@outrider/contracts/inbox";
import { registryCommands } from "@outrider/contracts/registry";
import { parseInboxSubject, streams, subjects } from "@outrider/contracts/streams";
import {
  type Delivery,
  type Digested,
  type DueMessage,
  done,
  dueCodec,
  dueOptions,
  impossible,
  pauseFor,
  type Reaction,
  react,
} from "@outrider/eventing";
import { erased, KeyDestroyed, keyIds } from "@outrider/platform";
import { z } from "zod";
import { type Because, causeOf, type Sms, scheduleKey } from "./context.ts";
import type { InboundMessage, WebhookNews } from "./providers/sms-provider.ts";
import { because } from "./reactions.ts";

type StatusNews = Extract<WebhookNews, { kind: "sent" | "delivered" | "failed" }>;

/** The reference is written right after the answer: a webhook that overtakes it is given this long before it becomes a schedule. */
const overtakingMs = 150;

/** What the provider told the gateway, as it came: checked, then told to the contact or stored as a reply. */
export const reactToWebhooks = (sms: Sms): Reaction =>
  react<InboxEvent>(
    sms.kernel,
    // Durable name: changing it reads every webhook of the last thirty days again; all of them are known by then.
    { stream: streams.inbox.name, durable: "sms-sender-webhooks", filters: ["inbox.smsmobileapi.>"], codec: inboxCodec, concurrency: 32 },
    (delivery) => takeWebhook(sms, delivery, 0),
  );

const takeWebhook = async (sms: Sms, delivery: Delivery<InboxEvent>, tries: number): Promise<Digested> => {
  const account = parseInboxSubject(delivery.subject)?.account;
  const [event] = delivery.events;
  if (account === undefined || event === undefined) return impossible("the subject is none of a webhook");
  const owner = accountId.parse(account);
  const opened = await sms.service.keyring.open(event.data.request);
  if (opened === erased) return done; // older than it may be kept
  const { headers, body } = webhookRequest.parse(JSON.parse(opened));
  const secrets = sms.accessesOf(owner).flatMap(({ webhookSecret }) => (webhookSecret === undefined ? [] : [webhookSecret]));
  const news = sms.provider.readWebhook({ headers, body, secrets, receivedAt: event.data.receivedAt });
  sms.service.instruments.count("outrider_webhooks_total", { provider: "smsmobileapi", kind: news.kind });
  const why = because(delivery);
  if (news.kind === "ignored") {
    sms.service.log.info({ because: news.because, seq: delivery.revision }, "a webhook was ignored");
    return done;
  }
  if (news.kind === "inbound") await takeInbound(sms, owner, news.message, why);
  else await takeStatus(sms, owner, news, why, delivery.revision, tries);
  return done;
};

const takeStatus = async (sms: Sms, account: AccountId, news: StatusNews, why: Because, inboxSeq: number, tries: number): Promise<void> => {
  const subject = subjects.smsRef(account, hashId("ref", news.providerId));
  let { state } = await sms.refs.fold(subject);
  if (state.contact === undefined && tries === 0) {
    await pauseFor(overtakingMs, sms.service.stopping);
    ({ state } = await sms.refs.fold(subject));
  }
  const { contact } = state;
  if (contact === undefined) return waitForRef(sms, account, news, why, inboxSeq, tries);
  const command =
    news.kind === "failed"
      ? ({ type: "Fail", at: news.at, reason: news.reason } as const)
      : ({ type: news.kind === "sent" ? "Sent" : "Delivered", at: news.at } as const);
  await sms.contacts.execute(subjects.smsContact(account, contact), command, causeOf(sms, why, `webhook:${news.event}`));
};

/** A webhook whose reference is not there yet waits by schedule; at last it is recorded as unmatched, never dropped. */
const waitForRef = async (sms: Sms, account: AccountId, news: StatusNews, why: Because, inboxSeq: number, tries: number): Promise<void> => {
  const wait = sms.service.config.WEBHOOK_RETRY_MS[tries];
  if (wait === undefined) {
    await sms.refs.execute(
      subjects.smsRef(account, hashId("ref", news.providerId)),
      { type: "GiveUp", event: news.event.slice(0, 64), eventType: news.kind, at: sms.service.clock.now() },
      causeOf(sms, why, `unmatched:${news.event}`),
    );
    return;
  }
  const when = new Date(sms.service.clock.realNowMs() + Number(wait));
  await sms.schedules.at(
    "webhook",
    scheduleKey(account, String(inboxSeq)),
    when,
    { inbox: inboxSeq, tries: tries + 1 },
    causeOf(sms, why, `webhook:${inboxSeq}`),
  );
};

const dueWebhook = z.object({ inbox: z.int(), tries: z.int() });

export const reactToDueWebhooks = (sms: Sms, webhooks: { readonly again: (seq: number, tries: number) => Promise<Digested> }): Reaction =>
  react<DueMessage>(sms.kernel, { ...dueOptions("sms-sender", "webhook"), codec: dueCodec, concurrency: 32 }, async ({ events }) => {
    const due = dueWebhook.safeParse(events[0]?.data);
    return due.success ? webhooks.again(due.data.inbox, due.data.tries) : impossible("the schedule names no webhook");
  });

/** Reads a stored webhook again. */
export const webhookAgain = (sms: Sms) => ({
  again: async (seq: number, tries: number): Promise<Digested> => {
    const message = await sms.kernel.jsm.streams.getMessage(streams.inbox.name, { seq });
    if (message === null) return done; // older than it may be kept
    const decoded = inboxCodec.decode(message.data);
    if (decoded.kind !== "events") return impossible("the webhook cannot be read");
    const { subject, header } = message;
    const traceparent = header.get("traceparent") || undefined;
    return takeWebhook(
      sms,
      {
        subject,
        stream: streams.inbox.name,
        revision: seq,
        deliveries: 1,
        events: decoded.events,
        at: decoded.at,
        commandId: `INBOX:${seq}`,
        executionId: "",
        closing: 0,
        traceparent,
      },
      tries,
    );
  },
});

/** What a person wrote: STOP first, then the message, then the contact it answers. Each step is safe to repeat. */
export const takeInbound = async (sms: Sms, account: AccountId, message: InboundMessage, why: Because): Promise<void> => {
  const { ask, keyring } = sms.service;
  const id = inboundId.parse(hashId("inbound", account, message.key));
  const text = message.text.reveal();
  const keyword = classifyReply(text);
  const from = await keyring.seal(keyIds.account(account), message.from.reveal());
  const options = { correlation: why.correlation, causation: why.causation, traceparent: why.traceparent };
  const { people } = await ask(registryCommands.people, { account, numbers: [from], register: keyword === "stop" }, options);
  const sender = people[0];
  const person = sender === undefined || sender.kind === "invalid" ? undefined : sender.person;
  const known = sender?.kind === "person";
  if (person !== undefined && keyword === "stop") {
    await ask(
      registryCommands.optOut,
      { account, person, by: "keyword", channel: "sms", proof: id },
      { ...options, commandId: `stop:${id}` },
    );
  }
  if (person !== undefined && known && keyword === "start") {
    await ask(registryCommands.optIn, { account, person, by: "keyword", proof: id }, { ...options, commandId: `start:${id}` });
  }
  const last = person !== undefined && known ? await lastContact(sms, account, person, options) : undefined;
  await sms.inbounds.execute(
    subjects.smsInbound(account, id),
    {
      type: "Receive",
      received: {
        inbound: id,
        knownSender: known,
        ...(person === undefined ? {} : { person }),
        ...(last === undefined ? {} : { contact: last.contact }),
        ...(last?.hunt === undefined ? {} : { hunt: last.hunt }),
        text: await sealText(sms, account, known ? person : undefined, text),
        ...(keyword === undefined ? {} : { keyword }),
        at: message.at,
      },
    },
    causeOf(sms, why, `inbound:${id}`),
  );
  if (last !== undefined) {
    const reply = { type: "Reply", inbound: id, at: message.at, stop: keyword === "stop" } as const;
    await sms.contacts.execute(subjects.smsContact(account, last.contact), reply, causeOf(sms, why, `reply:${id}`));
  }
};

const lastContact = async (sms: Sms, account: AccountId, person: PersonId, options: { readonly traceparent: string | undefined }) => {
  const { attempts } = await sms.service.ask(registryCommands.whyPerson, { account, person }, options);
  return attempts.filter(({ channel }) => channel === "sms").toSorted((one, other) => (one.at < other.at ? 1 : -1))[0];
};

const sealText = async (sms: Sms, account: AccountId, person: PersonId | undefined, text: string) => {
  const { keyring } = sms.service;
  if (person === undefined) return keyring.seal(keyIds.account(account), text);
  try {
    return await keyring.seal(keyIds.person(account, person), text);
  } catch (error) {
    if (!(error instanceof KeyDestroyed)) throw error;
    return keyring.seal(keyIds.account(account), erased); // an erased person's words are not kept
  }
};
