import { hash } from "node:crypto";
import { type Account, receive } from "./accounts.ts";
import type { Faults, PhoneFate, Replies } from "./control.ts";
import { replyOf, type WebhookFate, webhookFate } from "./fate.ts";
import { envelope, eventIdOf, type WebhookSender } from "./webhooks.ts";

/** What the phone needs of the platform around it. Settings are asked for each time, since they change while it runs. */
export type PhoneWorld = {
  seed: number;
  faults: () => Faults;
  replies: () => Replies;
  webhooks: WebhookSender;
  heard: (account: Account, from: string, text: string) => void;
};

export type Job = { account: Account; print: number; guid: string; to: string; fate: PhoneFate; scheduledMs: number };

const overtakenByMs = 2_000;

/** The account's phone and what it reports: sends accepted messages after a while, and hears people. */
export class Phone {
  readonly #world: PhoneWorld;
  #epoch = 0;

  constructor(world: PhoneWorld) {
    this.#world = world;
  }

  /** Forgets what it was about to do. */
  clear(): void {
    this.#epoch++;
  }

  /** Takes an accepted message. `reported` is called as soon as a report that should overtake the answer has been tried. */
  take(job: Job, reported?: () => void): void {
    if (job.fate === "offline") {
      reported?.();
      return;
    }
    const faults = this.#world.faults();
    const reports = webhookFate(job.print, faults);
    if (reported !== undefined && reports.order === "beforeAnswer") this.#report(job, reports, reported);
    else {
      reported?.();
      const held = reports.order === "overtaken" ? overtakenByMs : 0;
      this.#later(job.scheduledMs + faults.sendingMs + faults.webhookLateMs + held, () => this.#report(job, reports));
    }
    if (job.fate === "sent" && this.#world.replies().share > 0) this.#awaitReply(job, job.scheduledMs + faults.sendingMs);
  }

  /** A person writes to the account. Answers the message's guid. */
  hear(account: Account, from: string, text: string): string {
    const at = new Date();
    account.received++;
    const guid = hash("sha1", `${account.id} inbound ${account.received} ${at.getTime()} ${from}`);
    receive(account, from, text, guid, at);
    this.#world.heard(account, from, text);
    const data = { guid, from, message: text, received_at: `${at.toISOString().slice(0, 19)}Z`, alias: null, device_id: account.sid };
    const faults = this.#world.faults();
    const reports = webhookFate(Number.parseInt(guid.slice(0, 8), 16), faults);
    const held = faults.webhookLateMs + (reports.order === "usual" ? 0 : overtakenByMs);
    this.#later(held, () => this.#deliver(account, "sms.received", guid, data, at, reports));
    return guid;
  }

  #awaitReply(job: Job, sentMs: number): void {
    const replies = this.#world.replies();
    const text = replyOf(this.#world.seed, job.to, replies);
    if (text === undefined || job.account.replied.has(job.to)) return;
    job.account.replied.add(job.to);
    this.#later(sentMs + replies.delayMs, () => this.hear(job.account, job.to, text));
  }

  #report(job: Job, reports: WebhookFate, tried?: () => void): void {
    const type = job.fate === "failed" ? "sms.failed" : "sms.sent";
    const data = {
      guid: job.guid,
      to: job.to,
      device_id: job.account.sid,
      ...(job.fate === "failed" ? { error: "RESULT_ERROR_GENERIC_FAILURE" } : {}),
    };
    this.#deliver(job.account, type, job.guid, data, new Date(), reports, tried);
  }

  #deliver(
    account: Account,
    type: "sms.sent" | "sms.failed" | "sms.received",
    guid: string,
    data: Record<string, unknown>,
    at: Date,
    reports: WebhookFate,
    tried?: () => void,
  ): void {
    if (reports.never || account.destination === undefined) {
      tried?.();
      return;
    }
    const eventId = eventIdOf(`${type} ${guid}`);
    const delivery = { destination: () => account.destination, type, eventId, body: envelope(eventId, type, at, data) };
    this.#world.webhooks.deliver(delivery, tried);
    if (reports.double) this.#world.webhooks.deliver(delivery);
  }

  #later(afterMs: number, then: () => void): void {
    const epoch = this.#epoch;
    // A timer of more than 24.8 days would fire at once.
    const wait = Math.min(afterMs, 2 ** 31 - 1);
    setTimeout(() => {
      if (epoch === this.#epoch) then();
    }, wait).unref();
  }
}
