import type { Kernel } from "@outrider/eventing";
import type { Service } from "@outrider/platform";
import type { GatewayConfig } from "./config.ts";
import type { ReadModels } from "./read-models.ts";
import type { AskFor } from "./request.ts";

/** What routes are made of. */
export interface Gateway {
  readonly service: Service<GatewayConfig>;
  readonly kernel: Kernel;
  readonly ask: AskFor;
  readonly models: ReadModels;
  /** Where the world reaches us, without a slash at the end. */
  readonly publicUrl: () => string;
}
