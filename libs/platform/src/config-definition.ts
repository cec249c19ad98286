import type { ServiceName } from "@outrider/contracts/commands";
import type { z } from "zod";
import type { commonShape, mongoShape } from "./config-shape.ts";

export type EnvShape = Readonly<Record<string, z.ZodType>>;
export type Values<Shape extends EnvShape> = { readonly [Name in keyof Shape]: z.output<Shape[Name]> };

export type CommonConfig = { readonly service: ServiceName } & Values<typeof commonShape>;
export type MongoConfig = Values<typeof mongoShape>;

/** The variables of one service. `shape` holds everything that it reads, `own` only what it adds to the common ones. */
export interface ConfigDefinition<Config extends CommonConfig = CommonConfig> {
  readonly service: ServiceName;
  readonly mongo: boolean;
  readonly own: EnvShape;
  readonly shape: EnvShape;
  /** Never set: carries the type. */
  readonly config?: Config;
}

/** The configuration that a definition describes. */
export type ConfigOf<Definition> = Definition extends ConfigDefinition<infer Config> ? Config : never;
