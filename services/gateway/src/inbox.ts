import type { AccountId } from "@outrider/contracts/ids";
import { inboxCodec } from "@outrider/contracts/inbox";
import { subjects } from "@outrider/contracts/streams";
import { headerLine, headerLines, joined, type Kernel } from "@outrider/eventing";
import { keyIds, randomId, type Service, Unavailable } from "@outrider/platform";
import { inboxKeys, providers } from "./config.ts";

export interface Webhook {
  readonly provider: string;
  readonly account: AccountId;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: string;
  readonly traceparent: string;
}

const dayMs = 86_400_000;
/** Of our own front door, not of the message. */
const dropped = new Set(["authorization", "cookie", "proxy-authorization", "connection", "traceparent"]);
const eventId = /^[\x21-\x7e]{1,100}$/;

/** The real day: what is kept for thirty days is kept for thirty real ones. */
const dayOf = (realMs: number): string => new Date(realMs).toISOString().slice(0, 10);

/** Stores webhooks as they come, sealed by the key of the day. Rejects with `Unavailable` when that cannot be confirmed. */
export const inboxOf = (kernel: Kernel, { keyring, clock }: Pick<Service, "keyring" | "clock">): ((webhook: Webhook) => Promise<void>) => {
  return async ({ provider, account, headers, query, body, traceparent }) => {
    const plain = JSON.stringify({ headers: kept(headers), query, body });
    const request = await keyring.seal(keyIds.inbox(dayOf(clock.realNowMs())), plain);
    const at = clock.now();
    const stored = inboxCodec.encode(at, [{ type: "WebhookReceived", data: { provider, receivedAt: clock.realNow(), request } }]);
    const lines = headerLines({ commandId: randomId(), at, actor: `webhook:${provider}`, traceparent });
    const event = providers[provider]?.eventHeader;
    const id = event === undefined ? undefined : headers[event];
    // Only an optimisation: the reader knows a repeated event by itself.
    const known = typeof id === "string" && eventId.test(id) ? headerLine("Nats-Msg-Id", `${provider}.${account}.${id}`) : joined();
    const answer = await kernel.publisher.publish(subjects.inbox(provider, account), stored, joined(lines, known));
    if (answer.kind !== "stored") throw new Unavailable("the webhook could not be stored");
  };
};

const kept = (headers: Webhook["headers"]): Record<string, string> => {
  const kept: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || dropped.has(name)) continue;
    kept[name] = typeof value === "string" ? value : value.join(", ");
  }
  return kept;
};

/** Destroys the keys of days that are over: what was received then cannot be read any more, by anybody. */
export const destroyOldKeys = async ({ keyring, clock }: Pick<Service, "keyring" | "clock">): Promise<string[]> => {
  const destroyed: string[] = [];
  for (let days = inboxKeys.keptDays + 1; days <= inboxKeys.keptDays + inboxKeys.lookedForDays; days++) {
    const key = keyIds.inbox(dayOf(clock.realNowMs() - days * dayMs));
    if ((await keyring.stateOf(key)) !== "live") continue;
    await keyring.destroy(key);
    destroyed.push(key);
  }
  return destroyed;
};
