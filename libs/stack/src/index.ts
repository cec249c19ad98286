export { diagnose, type Finding } from "./diagnose.ts";
export { type MongoOptions, type MongoServer, startMongo } from "./mongo.ts";
export { findMongo, MONGO_MINIMUM, type MongoBinary } from "./mongo-binary.ts";
export { type NatsOptions, type NatsServer, startNats } from "./nats.ts";
export { findNats, NATS_MINIMUM, type NatsBinary } from "./nats-binary.ts";
export type { OutriderEvent, OutriderOptions } from "./options.ts";
export { type Outrider, startOutrider } from "./outrider.ts";
export type { Running, RunningService } from "./run-file.ts";
export { StackError, type StackErrorCode } from "./stack-error.ts";
