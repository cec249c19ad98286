import { createHmac, hash, randomUUID } from "node:crypto";
import { Agent, request } from "node:http";

export type Destination = { url: URL; secret: string; nextSecret?: string };

export type EventType = "sms.sent" | "sms.failed" | "sms.received";

/** `destination` is asked at each attempt, so that a rotated secret counts for what waits. */
export type Delivery = {
  destination: () => Destination | undefined;
  type: EventType;
  /** The event's own id: stable over retries and doubles. */
  eventId: string;
  body: string;
};

export type WebhookOptions = { concurrency: number; queueLimit: number; timeoutMs: number; attempts: number; backoffMs: number };

type Job = Delivery & { attempt: number; firstTried: () => void };

/** A uuid out of what the event is about: the same thing told twice has the same id. */
export function eventIdOf(about: string): string {
  const hex = hash("sha256", about);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The envelope of Webhook V2. Times have whole seconds, as the vendor's. */
export function envelope(eventId: string, type: EventType, occurredAt: Date, data: Record<string, unknown>): string {
  const seconds = (date: Date) => `${date.toISOString().slice(0, 19)}Z`;
  return JSON.stringify({
    id: eventId,
    type,
    api_version: "2026-09-22",
    created_at: seconds(new Date()),
    occurred_at: seconds(occurredAt),
    data,
  });
}

/** `v1=` and the HMAC-SHA256 of `timestamp.body`, in hex. */
export const signature = (secret: string, timestamp: string, body: string): string =>
  `v1=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;

/** Delivers at least once: anything but 2xx in time is tried again with growing pauses. Bounded in queue, concurrency and attempts. */
export class WebhookSender {
  readonly counts = { delivered: 0, retried: 0, gaveUp: 0, dropped: 0 };
  readonly #options: WebhookOptions;
  readonly #agent: Agent;
  #queue: Job[] = [];
  #head = 0;
  #active = 0;
  #waiting = 0;
  #epoch = 0;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.concurrency, maxFreeSockets: options.concurrency });
  }

  get queued(): number {
    return this.#queue.length - this.#head + this.#active + this.#waiting;
  }

  /** Takes an event. `firstTried` is called when it was tried once, whatever came of it, or could not be taken. */
  deliver(delivery: Delivery, firstTried: () => void = () => undefined): void {
    if (this.queued >= this.#options.queueLimit) {
      this.counts.dropped++;
      firstTried();
      return;
    }
    this.#queue.push({ ...delivery, attempt: 1, firstTried });
    this.#pump();
  }

  /** Forgets what waits; what is on its way ends by itself. */
  clear(): void {
    this.#epoch++;
    this.#queue = [];
    this.#head = 0;
    this.#waiting = 0;
    Object.assign(this.counts, { delivered: 0, retried: 0, gaveUp: 0, dropped: 0 });
  }

  close(): void {
    this.clear();
    this.#agent.destroy();
  }

  #pump(): void {
    while (this.#active < this.#options.concurrency && this.#head < this.#queue.length) {
      const job = this.#queue[this.#head++];
      if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
      const destination = job?.destination();
      if (job === undefined) continue;
      if (destination === undefined) job.firstTried();
      else void this.#run(job, destination, this.#epoch);
    }
  }

  async #run(job: Job, destination: Destination, epoch: number): Promise<void> {
    this.#active++;
    const taken = await post(this.#agent, destination, job, this.#options.timeoutMs);
    this.#active--;
    if (epoch === this.#epoch) this.#settle(job, taken, epoch);
    job.firstTried();
    this.#pump();
  }

  #settle(job: Job, taken: boolean, epoch: number): void {
    if (taken) {
      this.counts.delivered++;
      return;
    }
    if (job.attempt >= this.#options.attempts) {
      this.counts.gaveUp++;
      return;
    }
    this.counts.retried++;
    this.#waiting++;
    const pause = this.#options.backoffMs * 2 ** (job.attempt - 1) * (0.75 + Math.random() / 2);
    setTimeout(() => {
      if (epoch !== this.#epoch) return;
      this.#waiting--;
      this.#queue.push({ ...job, attempt: job.attempt + 1, firstTried: () => undefined });
      this.#pump();
    }, pause).unref();
  }
}

/** One attempt; true when the receiver answered 2xx in time. */
function post(agent: Agent, destination: Destination, job: Job, timeoutMs: number): Promise<boolean> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const headers: Record<string, string | number> = {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(job.body),
    "X-SMSMobileAPI-Event": job.type,
    "X-SMSMobileAPI-Event-ID": job.eventId,
    "X-SMSMobileAPI-Delivery": randomUUID(),
    "X-SMSMobileAPI-Timestamp": timestamp,
    "X-SMSMobileAPI-Signature": signature(destination.secret, timestamp, job.body),
    "Idempotency-Key": job.eventId,
  };
  if (destination.nextSecret !== undefined)
    headers["X-SMSMobileAPI-Signature-Next"] = signature(destination.nextSecret, timestamp, job.body);
  return new Promise((resolve) => {
    const call = request(destination.url, { method: "POST", agent, headers, timeout: timeoutMs }, (answer) => {
      const status = answer.statusCode ?? 0;
      answer.resume();
      answer.on("close", () => resolve(status >= 200 && status < 300));
    });
    call.on("timeout", () => call.destroy(new Error("no answer in time")));
    call.on("error", () => resolve(false));
    call.end(job.body);
  });
}
