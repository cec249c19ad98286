export { type Aggregate, type AggregateOptions, type Asked, aggregate, type Outcome } from "./aggregate.ts";
export { withDigest, withoutDigest } from "./command-id.ts";
export { type DeadLetter, type DeadLetters, deadLetters } from "./dead.ts";
export { accept, type Decider, type Decision, refuse, unreachable } from "./decider.ts";
export { CommandReused, ForeignPosition, Unavailable, Unfoldable } from "./errors.ts";
export { type Followed, type Follower, type FollowOptions, follow, type Position, type Positions } from "./follow.ts";
export { type Instruments, type SpanStart, silent } from "./instruments.ts";
export { headerLines, isNotFound, type JetStreamStoreOptions, jetStreamStore, orUndefined, reachable } from "./jetstream-store.ts";
export { type Kernel, openKernel, pauseFor, templateOf } from "./kernel.ts";
export { type AcquireLease, assertStillHeld, type Held, heldAlone, type Lease } from "./lease.ts";
export { memoryStore } from "./memory-store.ts";
export { type OverdueOptions, overdue } from "./overdue.ts";
export { kvPositions } from "./positions.ts";
export { type Change, type Documents, memoryDocuments, type Projection, projection, type View } from "./project.ts";
export { type PubAnswer, type Publisher, pipelinedPublisher } from "./publisher.ts";
export { randomBytesOf, randomHex, randomId } from "./random.ts";
export { type Delivery, type Digested, done, impossible, type Reaction, type ReactOptions, react, waitFor } from "./react.ts";
export { wire } from "./recorded.ts";
export { abreast, type Regular, type RegularOptions, regularly } from "./regularly.ts";
export { type HeaderLines, headerLine, joined, pipelinedRequests, type Requests } from "./requests.ts";
export { type DueMessage, dueCodec, dueOptions, type Schedules, schedules } from "./schedule.ts";
export type { Append, Appended, Cause, Codec, EventStore, Recorded, Revision, Subject } from "./store.ts";
export {
  type DeclaredDurable,
  type DeclaredStream,
  type Difference,
  differences,
  type Ensured,
  ensureDurable,
  ensureStream,
  existing,
  inWords,
} from "./streams.ts";
export type { Stance, Waiting } from "./waiting.ts";
export { type Watcher, type WatchOptions, watch } from "./watch.ts";
