import { smsProvider } from "@outrider/contracts/fields";
import { type AccountId, accountId, hashId } from "@outrider/contracts/ids";
import { type InboxEvent, inboxCodec, webhookRequest } from "@outrider/contracts/inbox";
import { parseInboxSubject, streams } from "@outrider/contracts/streams";
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
  Unavailable,
} from "@outrider/eventing";
import { erased } from "@outrider/platform";
import { z } from "zod";
import { refSubject, tellContact } from "./coming-back.ts";
import { dueAtOnce, followed, names, webhookWaits } from "./config.ts";
import { type Because, causeOf, type Sms, scheduleKey } from "./context.ts";
import type { WebhookNews } from "./providers/sms-provider.ts";
import { because } from "./reactions.ts";
import { takeInbound } from "./replies.ts";

type StatusNews = Extract<WebhookNews, { kind: "sent" | "delivered" | "failed" }>;

/** What the provider told the gateway, as it came: checked, then told to the contact or stored as a reply. */
export const reactToWebhooks = (sms: Sms): Reaction =>
  react<InboxEvent>(sms.kernel, { ...followed.webhooks, stream: streams.inbox.name, codec: inboxCodec }, (delivery) =>
    takeWebhook(sms, delivery, 0),
  );

const takeWebhook = async (sms: Sms, delivery: Delivery<InboxEvent>, tries: number): Promise<Digested> => {
  const { account, provider: name } = parseInboxSubject(delivery.subject) ?? {};
  const [event] = delivery.events;
  const from = smsProvider.safeParse(name);
  if (account === undefined || event === undefined || !from.success) return impossible("the subject is none of a webhook");
  const owner = accountId.parse(account);
  // A line that this replica has not heard of has a secret all the same, and what is not signed by it must not be taken.
  if (!sms.accounts.isCurrent()) throw new Unavailable("whose secret signs a webhook is not known now");
  const opened = await sms.service.keyring.open(event.data.request);
  if (opened === erased) return done; // older than it may be kept
  const { headers, body } = webhookRequest.parse(JSON.parse(opened));
  const provider = sms.providers[from.data];
  const lines = sms.allConnected(owner).filter((line) => line.provider === provider);
  const secrets = lines.flatMap(({ access: { webhookSecret } }) => (webhookSecret === undefined ? [] : [webhookSecret]));
  const news = provider.readWebhook({ headers, body, secrets, receivedAt: event.data.receivedAt });
  sms.service.instruments.count("outrider_webhooks_total", { provider: provider.name, kind: news.kind });
  const why = because(delivery);
  if (news.kind === "ignored") {
    // What is not signed may be of a line without a secret: its replies come by polling alone, and somebody should know.
    const level = news.because === "bad-signature" ? "warn" : "info";
    sms.service.log[level]({ because: news.because, account: owner, seq: delivery.revision }, "a webhook was ignored");
    return done;
  }
  if (news.kind === "inbound") await takeInbound(sms, owner, news.message, why);
  else await takeStatus(sms, owner, news, why, delivery.revision, tries);
  return done;
};

const takeStatus = async (sms: Sms, account: AccountId, news: StatusNews, why: Because, inboxSeq: number, tries: number): Promise<void> => {
  const subject = refSubject(account, news.providerId);
  let { state, trace } = await sms.refs.fold(subject);
  if (state.contact === undefined && tries === 0) {
    await pauseFor(webhookWaits.overtakingMs, sms.service.stopping);
    ({ state, trace } = await sms.refs.fold(subject));
  }
  const { contact } = state;
  if (contact === undefined) return waitForContact(sms, account, news, why, inboxSeq, tries);
  const command =
    news.kind === "failed"
      ? ({ type: "Fail", at: news.at, reason: news.reason } as const)
      : ({ type: news.kind === "sent" ? "Sent" : "Delivered", at: news.at } as const);
  const told = await tellContact(sms, { account, contact, trace }, command, commandIdOf(news), why);
  if (told.kind !== "refused") return;
  const { status } = told.state;
  // Found in the provider's log, the message is the contact's before the contact takes it for sent: that is yet to come.
  if (status === "attempting" || status === "unknown") await waitForContact(sms, account, news, why, inboxSeq, tries);
  else sms.service.log.warn({ contact, kind: news.kind, refusal: told.refusal }, "a webhook does not fit its contact");
};

/** The event's id is the provider's own words, of any length and letters: no header takes it as it is. */
const commandIdOf = ({ event }: StatusNews): string => `webhook:${hashId(event)}`;

/**
 * A webhook whose reference is not there yet, or whose contact does not know yet that it was sent, waits by schedule; at last it is recorded as
 * unmatched, never dropped.
 */
const waitForContact = async (
  sms: Sms,
  account: AccountId,
  news: StatusNews,
  why: Because,
  inboxSeq: number,
  tries: number,
): Promise<void> => {
  const wait = sms.service.config.WEBHOOK_RETRY_MS[tries];
  if (wait === undefined) {
    await sms.refs.execute(
      refSubject(account, news.providerId),
      { type: "GiveUp", event: news.event.slice(0, 64), eventType: news.kind, at: sms.service.clock.now(), inbox: inboxSeq },
      causeOf(sms, why, `unmatched:${commandIdOf(news)}`),
    );
    return;
  }
  const when = new Date(sms.service.clock.realNowMs() + wait);
  await sms.schedules.at(
    names.webhook,
    scheduleKey(account, String(inboxSeq)),
    when,
    { inbox: inboxSeq, tries: tries + 1 },
    causeOf(sms, why, `webhook:${inboxSeq}`),
  );
};

const dueWebhook = z.object({ inbox: z.int(), tries: z.int() });

export const reactToDueWebhooks = (sms: Sms, webhooks: { readonly again: (seq: number, tries: number) => Promise<Digested> }): Reaction =>
  react<DueMessage>(
    sms.kernel,
    { ...dueOptions(sms.kernel.service, names.webhook), codec: dueCodec, concurrency: dueAtOnce.webhooks },
    async ({ events }) => {
      const due = dueWebhook.safeParse(events[0]?.data);
      return due.success ? webhooks.again(due.data.inbox, due.data.tries) : impossible("the schedule names no webhook");
    },
  );

/** Reads a stored webhook again. */
export const webhookAgain = (sms: Sms) => ({
  again: async (seq: number, tries: number): Promise<Digested> => {
    const message = await sms.kernel.jsm.streams.getMessage(streams.inbox.name, { seq }).catch((cause: unknown) => {
      throw new Unavailable("INBOX cannot be read", { cause });
    });
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
