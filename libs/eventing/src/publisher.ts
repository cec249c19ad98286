import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { pipelinedRequests, type Requests, type RequestsOptions } from "./requests.ts";

/** What the server said to one message. `conflict`: another message had moved the subject (or is about to). */
export type PubAnswer =
  | { readonly kind: "stored"; readonly seq: number; readonly duplicate: boolean }
  | { readonly kind: "conflict"; readonly last: number | undefined }
  /** `code` is JetStream's own, or the status when there was no answer body; from a `status` of 500 on it may pass. */
  | { readonly kind: "failed"; readonly code: number; readonly status: number; readonly description: string };

/** Stores messages, many at a time, in the order of the calls; the answers are JetStream's acknowledgements. */
export interface Publisher extends Omit<Requests<PubAnswer>, "request"> {
  readonly publish: Requests<PubAnswer>["request"];
}

export const pipelinedPublisher = (nats: NatsConnection, options: RequestsOptions = {}): Publisher => {
  const { request: publish, ...others } = pipelinedRequests(nats, parseAnswer, options);
  return { publish, ...others };
};

const wrongLastSequence = 10071;
const wrongLastSequenceInFlight = 10164;

const parseAnswer = (message: Msg): PubAnswer => {
  const seq = plainlyStored(message.data);
  if (seq > 0) return { kind: "stored", seq, duplicate: false };
  if (message.data.length === 0) {
    const status = message.headers?.code ?? 0;
    return { kind: "failed", code: status, status, description: status === 503 ? "no stream takes this subject" : "empty acknowledgement" };
  }
  const answer: PubAckJson = message.json();
  if (answer.error === undefined) {
    if (typeof answer.seq !== "number") throw new TypeError("an acknowledgement names no sequence");
    return { kind: "stored", seq: answer.seq, duplicate: answer.duplicate ?? false };
  }
  const { err_code: code, code: status, description } = answer.error;
  if (code === wrongLastSequence) {
    const last = /(\d+)\s*$/.exec(description)?.[1];
    return { kind: "conflict", last: last === undefined ? undefined : Number(last) };
  }
  return code === wrongLastSequenceInFlight ? { kind: "conflict", last: undefined } : { kind: "failed", code, status, description };
};

const [zero, s] = [0x30, 0x73];
const beforeSequence = Buffer.from('"seq":');

/**
 * The sequence in `{"stream":"…","seq":17}`; 0 when the answer says anything else. Nearly every answer is this one, and to parse it as JSON takes
 * as long as to write a message's headers.
 */
export const plainlyStored = (answer: Uint8Array): number => {
  let at = answer.length - 2; // before the closing brace
  let seq = 0;
  for (let worth = 1; at > 0; at--, worth *= 10) {
    const digit = (answer[at] ?? 0) - zero;
    if (digit < 0 || digit > 9) break;
    seq += digit * worth;
  }
  for (let back = beforeSequence.length - 1; back >= 0; back--, at--) if (answer[at] !== beforeSequence[back]) return 0;
  // The answer of an error ends like this too, but before the stream it names the error.
  return answer[2] === s ? seq : 0;
};

interface PubAckJson {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly err_code: number; readonly code: number; readonly description: string };
}
