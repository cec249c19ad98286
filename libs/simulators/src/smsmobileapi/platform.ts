import { randomBytes } from "node:crypto";
import { type Account, Accounts, askFor, keyHash, takeInbox } from "./accounts.ts";
import * as answers from "./answers.ts";
import { Call, type Reaction } from "./calls.ts";
import {
  type Faults,
  type Inbound,
  type LogRow,
  noFaults,
  type Operation,
  type Replies,
  type Stats,
  type WebhookDestination,
} from "./control.ts";
import { answerAfterMs, draw, fingerprint, phoneFate, requestFate } from "./fate.ts";
import type { Form } from "./form.ts";
import { Journal } from "./journal.ts";
import { Phone } from "./phone.ts";
import { said } from "./said.ts";
import { guidOf, sentRows } from "./sent-log.ts";
import { type Destination, type WebhookOptions, WebhookSender } from "./webhooks.ts";

export type PlatformOptions = {
  seed: number;
  keys: readonly string[] | undefined;
  usualDestination: Destination | undefined;
  logFile: string | undefined;
  rowsLimit: number;
  webhooks: WebhookOptions;
};

const noReplies: Replies = { share: 0, texts: [], delayMs: 500 };
const overtakingLimitMs = 1_000;

/** The vendor's platform without its HTTP: keys, fates, log, phone. */
export class Platform {
  faults: Faults = noFaults;
  replies: Replies = noReplies;
  readonly seed: number;
  readonly journal: Journal;
  readonly #accounts: Accounts;
  readonly #webhooks: WebhookSender;
  readonly #phone: Phone;
  // Guids must not repeat over restarts and resets, or a receiver that remembers longer than we do would mix up two messages.
  #boot = newBoot();
  #counts = newCounts();
  #reads = 0;

  private constructor(options: PlatformOptions, journal: Journal, accounts: Accounts) {
    this.seed = options.seed;
    this.journal = journal;
    this.#accounts = accounts;
    this.#webhooks = new WebhookSender(options.webhooks);
    this.#phone = new Phone({
      seed: options.seed,
      faults: () => this.faults,
      replies: () => this.replies,
      webhooks: this.#webhooks,
      heard: (account, from, text) => this.#logInbound(account, from, text),
    });
  }

  /** Opens the log, continuing an old one. Throws when it cannot be opened. */
  static async open(options: PlatformOptions): Promise<Platform> {
    const accounts = new Accounts(options.keys, options.usualDestination);
    const file = options.logFile === undefined ? {} : { file: options.logFile };
    const journal = await Journal.open({ limit: options.rowsLimit, ...file });
    // Lines stand in order of their end, attempts count in order of arrival: the newest row of a number has the highest attempt.
    await journal.restore((row) => restoreAttempt(accounts, journal, row));
    return new Platform(options, journal, accounts);
  }

  /** GET and POST /sendsms/. */
  sendsms(form: Form | undefined): Reaction {
    const apiKey = form?.get("apikey") ?? "";
    const account = apiKey === "" ? undefined : this.#accounts.of(apiKey);
    if (form === undefined || account === undefined) return this.#turnAway("sendsms", apiKey);
    const to = form.get("recipients") ?? "";
    const text = form.get("message") ?? "";
    const wrong = wrongIn(form, to, text);
    if (wrong === undefined) return this.#drawn(account, to.startsWith("+") ? to : `+${to}`, text, form);
    return plain(this.#begin("sendsms", account.id, to, text), wrong);
  }

  /** GET /log/sent/sms/ */
  sentLog(form: Form | undefined): Promise<Reaction> {
    return this.#read("log/sent/sms", form, async (account, params) =>
      answers.sentLog(await sentRows(this.journal, account, params, this.faults)),
    );
  }

  /** GET /getsms/ */
  inbox(form: Form | undefined): Promise<Reaction> {
    return this.#read("getsms", form, (account, params) => {
      const after = params.get("after_timestamp_unix");
      const otherPhone = (params.get("sIdentifiantPhone") ?? account.sid) !== account.sid;
      return answers.received(otherPhone ? [] : takeInbox(account, params.get("onlyunread") === "yes", after ? Number(after) : undefined));
    });
  }

  /** GET /gateway/mobile/list/ */
  phones(form: Form | undefined): Promise<Reaction> {
    return this.#read("gateway/mobile/list", form, (account) => answers.mobiles(account.sid, this.faults.phoneOffline < 1));
  }

  /** Any other address of the vendor's. */
  unknown(): answers.Answer {
    return answers.notFound();
  }

  /** Undefined when the key is not accepted. */
  setDestination(wanted: WebhookDestination): boolean {
    const account = this.#accounts.of(wanted.apiKey);
    if (account === undefined) return false;
    const next = wanted.nextSecret === undefined ? {} : { nextSecret: wanted.nextSecret };
    account.destination = wanted.url === null ? undefined : { url: new URL(wanted.url), secret: wanted.secret ?? "", ...next };
    return true;
  }

  /** A person writes; answers the message's guid, or undefined when no account is concerned. */
  hear(message: Inbound): string | undefined {
    const { apiKey, to, from, text } = message;
    const account =
      apiKey !== undefined ? this.#accounts.of(apiKey) : to !== undefined ? this.#accounts.withPhone(to) : this.#accounts.lastToAsk(from);
    return account === undefined ? undefined : this.#phone.hear(account, from, text);
  }

  /** Forgets all that happened, faults and replies too; keeps keys and webhook destinations. */
  async reset(): Promise<void> {
    this.#phone.clear();
    this.#webhooks.clear();
    this.#accounts.clear();
    this.faults = noFaults;
    this.replies = noReplies;
    this.#counts = newCounts();
    this.#reads = 0;
    this.#boot = newBoot();
    await this.journal.clear();
  }

  stats(): Stats {
    const { user, system } = process.cpuUsage();
    return {
      seed: this.seed,
      rows: this.journal.rows,
      full: this.journal.full,
      calls: { ...this.#counts.calls },
      fates: { ...this.#counts.fates },
      phones: { ...this.#counts.phones },
      accounts: this.#accounts.count,
      pending: this.journal.pending,
      webhooks: { queued: this.#webhooks.queued, ...this.#webhooks.counts },
      process: {
        rssMb: Math.round(process.memoryUsage.rss() / 1e6),
        cpuMs: Math.round((user + system) / 1000),
        uptimeS: Math.round(process.uptime()),
      },
    };
  }

  async close(): Promise<void> {
    this.#phone.clear();
    this.#webhooks.close();
    await this.journal.close();
  }

  #begin(operation: Operation, account: string, to: string | null = null, text: string | null = null): Call {
    count(this.#counts.calls, operation);
    return new Call(this.journal, { operation, to, text, apiKey: account, fate: "accepted", attempt: 0, before: -1 });
  }

  /** The message is well formed: what becomes of it is drawn. */
  #drawn(account: Account, to: string, text: string, form: Form): Reaction {
    const number = askFor(account, to);
    const print = fingerprint(this.seed, to, text, number.attempts);
    const fate = requestFate(print, this.faults);
    count(this.#counts.calls, "sendsms");
    count(this.#counts.fates, fate);
    const call = new Call(this.journal, {
      operation: "sendsms",
      to,
      text,
      apiKey: account.id,
      fate,
      attempt: number.attempts,
      before: number.last,
    });
    number.last = call.row;
    const { how, accepts, truthful, answer } = said[fate];
    call.truthful = truthful;
    let after: Promise<void> | undefined;
    const scheduledMs = Math.max(0, Number(form.get("schedule_timestamp") ?? 0) * 1000 - Date.now());
    if (accepts) after = this.#accept(call, account, to, print, scheduledMs);
    const asText = draw(print, "style") < 0.5;
    return {
      how,
      answer: answer({ faults: this.faults, asText, id: call.id ?? "", scheduled: scheduledMs > 0 }),
      afterMs: answerAfterMs(print, this.faults),
      after,
      call,
    };
  }

  #accept(call: Call, account: Account, to: string, print: number, scheduledMs: number): Promise<void> | undefined {
    const guid = guidOf(this.#boot, print, call.row);
    const fate = phoneFate(print, this.faults);
    count(this.#counts.phones, fate);
    Object.assign(call, { id: guid, phone: fate });
    const job = { account, print, guid, to, fate, scheduledMs };
    if (this.faults.webhookOutOfOrder === 0) {
      this.#phone.take(job);
      return undefined;
    }
    return new Promise((go) => {
      setTimeout(go, overtakingLimitMs).unref();
      this.#phone.take(job, go);
    });
  }

  /** The reading endpoints: key, faults and log are the same for all. */
  async #read(
    operation: Operation,
    form: Form | undefined,
    answer: (account: Account, params: Form) => Promise<answers.Answer> | answers.Answer,
  ): Promise<Reaction> {
    const apiKey = form?.get("apikey") ?? "";
    const account = apiKey === "" ? undefined : this.#accounts.of(apiKey);
    if (form === undefined || account === undefined) return this.#turnAway(operation, apiKey);
    const call = this.#begin(operation, account.id);
    const print = fingerprint(this.seed, "", operation, this.#reads++);
    const fails = draw(print, "read") < this.faults.readError;
    call.truthful = !fails;
    const answered = fails ? answers.serverError() : await answer(account, form);
    return { ...plain(call, answered), afterMs: answerAfterMs(print, this.faults) };
  }

  #turnAway(operation: Operation, apiKey: string): Reaction {
    const call = this.#begin(operation, apiKey === "" ? "" : keyHash(apiKey));
    return plain(call, apiKey === "" ? answers.badRequest("missing parameter: apikey") : answers.forbidden());
  }

  #logInbound(account: Account, from: string, text: string): void {
    if (this.journal.full) return;
    count(this.#counts.calls, "inbound");
    new Call(this.journal, {
      operation: "inbound",
      to: null,
      from,
      text,
      apiKey: account.id,
      fate: "accepted",
      attempt: 0,
      before: -1,
    }).ended();
  }
}

type Counts = Pick<Stats, "calls" | "fates" | "phones">;

const newCounts = (): Counts => ({ calls: {}, fates: {}, phones: {} });

const newBoot = (): string => randomBytes(8).toString("hex");

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

const plain = (call: Call, answer: answers.Answer): Reaction => ({ how: "answer", answer, afterMs: 0, after: undefined, call });

/** What the platform says by itself to a call that it cannot or need not send. */
function wrongIn(form: Form, to: string, text: string): answers.Answer | undefined {
  if (to === "" || text === "") return answers.badRequest(`missing parameter: ${to === "" ? "recipients" : "message"}`);
  // A "+" that was not escaped arrives as a blank: a real phone would get a wrong number, so it is refused here.
  if (!/^\+?\d{7,15}$/.test(to)) return answers.badRequest("invalid recipients: international format is expected");
  if (form.get("sendsms") === "0") return answers.blocked();
  if (form.get("waonly") === "yes" || form.get("sendwa") === "1") return answers.refused(false, 21, "no WhatsApp is connected");
  return undefined;
}

function restoreAttempt(accounts: Accounts, journal: Journal, row: LogRow): void {
  if (row.operation !== "sendsms" || row.to === null || row.attempt === 0) return;
  const number = askFor(accounts.withId(row.apiKey), row.to);
  journal.link(row.row, number.last);
  Object.assign(number, { attempts: Math.max(row.attempt, number.attempts - 1), last: row.row });
}
