import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { findMongo, findNats } from "@outrider/stack";

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly natsServer: string;
  readonly mongodb: string;
  /** Of the last minute, when the run began. */
  readonly load: number;
}

/** Finds, and where needed fetches, the servers that the benches will run on. */
export const machineFacts = async (): Promise<Machine> => {
  const load = loadavg()[0] ?? 0;
  const [nats, mongo] = await Promise.all([findNats(), findMongo()]);
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    natsServer: process.env["NATS_URL"] ? "the one at NATS_URL" : nats.version,
    mongodb: process.env["MONGODB_URL"] ? "the one at MONGODB_URL" : `${mongo.kind} ${mongo.version}`,
    load: Number(load.toFixed(2)),
  };
};

export const inWords = ({ cores, cpu, memoryGb, system, node, natsServer, mongodb, load }: Machine): readonly string[] => [
  `${cores} cores (${cpu}), ${memoryGb} GB, ${system}`,
  `Node ${node}, nats-server ${natsServer}, MongoDB ${mongodb}`,
  `load average ${load}`,
];

/** A sentence when somebody else is using the machine. */
export const busyWarning = ({ cores, load }: Machine): string | undefined =>
  load > cores * 0.25
    ? `WARNING: the machine is busy (load average ${load} on ${cores} cores). Rates are too low and unsteady; look at CPU times and ratios.`
    : undefined;
