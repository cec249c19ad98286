import type { AcquireLease, Kernel } from "@outrider/eventing";
import type { Db } from "mongodb";
import type { Aliases } from "./aliases.ts";
import type { ProjectorConfig } from "./config.ts";

/** What the projector's readers need of the running service. */
export interface ProjectorHost {
  readonly kernel: Kernel;
  readonly db: Db;
  readonly aliases: Aliases;
  readonly acquire: AcquireLease;
  readonly now: () => string;
  readonly config: Pick<
    ProjectorConfig,
    | "PROJECTOR_BATCH_MESSAGES"
    | "PROJECTOR_LINGER_MS"
    | "PROJECTOR_CACHE_DOCUMENTS"
    | "PROJECTOR_LOOK_EVERY_MS"
    | "PROJECTOR_KEEP_OLD_MS"
    | "PROJECTOR_VERIFY_DOCUMENTS"
  >;
}
