import type { ServiceName } from "@outrider/contracts/commands";
import { z } from "zod";
import type { CommonConfig, ConfigDefinition, EnvShape, MongoConfig, Values } from "./config-definition.ts";
import { metaOf } from "./config-meta.ts";
import { commonShape, mongoShape } from "./config-shape.ts";

/**
 * Declares what a service reads from its environment: the common variables, those of MongoDB for `mongo: true`, and its own. Every
 * variable needs `.describe()`; a secret one `.meta({ secret: true })`, after which its value is never shown.
 */
export function defineConfig<const Shape extends EnvShape>(
  service: ServiceName,
  own: Shape,
  needs: { readonly mongo: true },
): ConfigDefinition<CommonConfig & MongoConfig & Values<Shape>>;
export function defineConfig<const Shape extends EnvShape>(
  service: ServiceName,
  own: Shape,
  needs?: { readonly mongo?: false },
): ConfigDefinition<CommonConfig & Values<Shape>>;
export function defineConfig(service: ServiceName, own: EnvShape, needs: { readonly mongo?: boolean } = {}): ConfigDefinition {
  const mongo = needs.mongo === true;
  for (const [name, schema] of Object.entries(own)) {
    if (metaOf(schema).description === undefined) throw new TypeError(`${name} of ${service} needs a description`);
  }
  return { service, mongo, own, shape: { ...commonShape, ...(mongo ? mongoShape : {}), ...own } };
}

export type Parsed<Config> = { readonly ok: true; readonly config: Config } | { readonly ok: false; readonly problems: readonly string[] };

/** Reads the environment without side effects. An empty variable counts as absent. Each problem is one sentence. */
export const parseConfig = <Config extends CommonConfig>(
  definition: ConfigDefinition<Config>,
  environment: Readonly<Record<string, string | undefined>>,
): Parsed<Config> => {
  const given = Object.fromEntries(
    Object.keys(definition.shape).flatMap((name) => {
      const value = environment[name]?.trim();
      return value === undefined || value === "" ? [] : [[name, value]];
    }),
  );
  const parsed = z.object(definition.shape).safeParse(given);
  if (!parsed.success) return { ok: false, problems: parsed.error.issues.map((issue) => sentence(definition, given, issue)) };
  const config = { service: definition.service, ...parsed.data } as unknown as Config;
  const problems = liveProblems(config);
  return problems.length === 0 ? { ok: true, config } : { ok: false, problems };
};

/** Reads the environment once, at the top of `main.ts`; what is wrong goes to standard error and the process ends with code 2. */
export const loadConfig = <Config extends CommonConfig>(
  definition: ConfigDefinition<Config>,
  environment: Readonly<Record<string, string | undefined>>,
): Config => {
  const parsed = parseConfig(definition, environment);
  if (parsed.ok) return parsed.config;
  for (const problem of parsed.problems) process.stderr.write(`${definition.service}: ${problem}\n`);
  process.exit(2);
};

const sentence = (
  definition: ConfigDefinition,
  given: Readonly<Record<string, string>>,
  issue: { readonly path: readonly PropertyKey[]; readonly message: string },
): string => {
  const name = String(issue.path[0]);
  const schema = definition.shape[name];
  const { description, secret } = schema === undefined ? { description: undefined, secret: true } : metaOf(schema);
  const value = given[name];
  const expected = `expected ${description ?? "another value"}`;
  if (value === undefined) return `${name} is missing: ${expected}.`;
  return `${name} ${secret ? "has a value that" : `is "${value}", which`} cannot be used (${plain(issue.message)}): ${expected}.`;
};

const plain = (message: string): string => message.replace(/^Invalid input: /, "").replace(/\.$/, "");

/** What sandbox allows and live does not. */
const liveProblems = (config: CommonConfig): string[] => {
  if (config.OUTRIDER_PROVIDERS !== "live") return [];
  const problems: string[] = [];
  if (config.OUTRIDER_CLOCK_OFFSET_MS !== 0) {
    problems.push('OUTRIDER_CLOCK_OFFSET_MS must be 0 with OUTRIDER_PROVIDERS "live": only the sandbox has a clock of its own.');
  }
  if (config.OUTRIDER_MASTER_KEY === undefined) {
    problems.push('OUTRIDER_MASTER_KEY is missing: OUTRIDER_PROVIDERS "live" needs 32 random bytes as base64 (openssl rand -base64 32).');
  }
  return problems;
};

export type { CommonConfig, ConfigDefinition, ConfigOf, EnvShape, MongoConfig } from "./config-definition.ts";
export { overdueShape, priceShape, variable } from "./config-shape.ts";
export { envExample } from "./env-example.ts";
