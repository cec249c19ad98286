export { isNotFound, orUndefined, randomHex, randomId, reachable, Unavailable } from "@outrider/eventing";
export { type AccountsWatch, isCaughtUp, type KnownAccount, watchAccounts } from "./accounts.ts";
export { type Bucket, isConflict, openBucket, readLast } from "./bucket.ts";
export { type Clock, createClock } from "./clock.ts";
export type { Ask, AskOptions } from "./commands/ask.ts";
export { createAsk, questionsOver } from "./commands/ask.ts";
export { type CommandContext, type CommandHandler, handle } from "./commands/handler.ts";
export { keyReused, Refusal } from "./commands/refusal.ts";
export { type CommandHost, type ServedCommands, serveCommands } from "./commands/serve.ts";
export {
  type CommonConfig,
  type ConfigDefinition,
  type ConfigOf,
  defineConfig,
  envExample,
  loadConfig,
  type MongoConfig,
  parseConfig,
  variable,
} from "./config.ts";
export { createHealth, type Health, type HealthServer, serveHealth } from "./health.ts";
export { type Inspected, inspectionHandlers } from "./inspection.ts";
export { kernelOf, ownStreams, positionsOf } from "./kernel.ts";
export { CannotOpen } from "./keyring/cipher.ts";
export { keyIds } from "./keyring/key-ids.ts";
export { KeyStore } from "./keyring/key-store.ts";
export { createKeyring, type Erased, erased, type Keyring } from "./keyring/keyring.ts";
export { KeyDestroyed, KeyMissing } from "./keyring/keys.ts";
export { masterKeyOf } from "./keyring/master-key.ts";
export { type SymmetricSealer, symmetricSealer } from "./keyring/sealer.ts";
export { type Lasting, lasting } from "./lasting.ts";
export { assertHeld, createLeases, LeaseLost, type LeaseOptions, type Leases } from "./lease.ts";
export { createLifecycle, type Lifecycle } from "./lifecycle.ts";
export { createLogger, type Logger } from "./logging.ts";
export { createMetrics, type Metrics } from "./metrics.ts";
export { type Mongo, openMongo } from "./mongo.ts";
export { mongoDocuments, mongoPositions } from "./mongo-documents.ts";
export { orUnavailable, reached } from "./mongo-reached.ts";
export { CannotStart, connectNats, type NatsLink } from "./nats.ts";
export { lookForOverdue, lookRegularly, type Waits } from "./overdue.ts";
export { Personal } from "./personal.ts";
export { scrub, scrubError, scrubText } from "./scrub.ts";
export { type OpenOptions, openService, type Service, whyNotListening } from "./service.ts";
export { openTracer } from "./telemetry.ts";
export { currentTrace, newTraceparent, parseTraceparent, type TraceContext, type Tracer } from "./trace.ts";
