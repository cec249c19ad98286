import type { CommandDefinition, ServiceName } from "@outrider/contracts/commands";
import { type CommandContext, type CommandHandler, handle, Refusal, type Service, serveCommands } from "@outrider/platform";
import { defineConfig } from "@outrider/platform/config";
import { openTestService } from "@outrider/platform/testing";
import { type ThrowAwayNats, testMongo, throwAwayNats } from "@outrider/stack/testing";
import { type Collection, MongoClient } from "mongodb";
import { definition, type GatewayConfig } from "../config.ts";
import { openGateway } from "../gateway.ts";

export const adminKey = "operator-of-the-tests";
export const webhookKey = "0123456789abcdef0123456789abcdef";

/** A gateway on real NATS and HTTP; the services that it asks are played by what a test gives. */
export interface World {
  readonly url: string;
  readonly service: Service<GatewayConfig>;
  /** Every command that was asked, in order. */
  readonly asked: { readonly name: string; readonly request: unknown; readonly context: CommandContext }[];
  /** What a service was asked last under a name, such as `registry.people`. */
  readonly lastAsked: <Request>(name: string) => Request;
  readonly call: (method: string, path: string, options?: CallOptions) => Promise<Answer>;
  readonly close: () => Promise<void>;
}
export interface CallOptions {
  readonly key?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the tests are about.
  readonly json: any;
}

interface Played {
  readonly definition: CommandDefinition<unknown, unknown>;
  readonly answer: (request: never, context: CommandContext) => unknown;
}

/** One answer of a service that a test plays. */
export const play = <Request, Reply>(
  command: CommandDefinition<Request, Reply>,
  answer: (request: Request, context: CommandContext) => NoInfer<Reply> | Promise<NoInfer<Reply>>,
): Played => ({ definition: command as CommandDefinition<unknown, unknown>, answer });

export const no = (...told: ConstructorParameters<typeof Refusal>): never => {
  throw new Refusal(...told);
};

/** A document of a view, as it is stored. */
export interface Row {
  readonly _id: string;
  readonly [field: string]: unknown;
}

/** The same with read models of the test's own, which play the projector's. */
export interface ReadingWorld extends World {
  readonly nats: ThrowAwayNats;
  readonly collection: (name: string) => Collection<Row>;
  readonly put: (collection: string, rows: readonly Row[]) => Promise<unknown>;
}

export const openReadingWorld = async (played: readonly Played[]): Promise<ReadingWorld> => {
  const nats = await throwAwayNats();
  const { url, database } = await testMongo();
  const mongo = await new MongoClient(url).connect();
  const world = await openWorld(nats.url, played, { MONGODB_URL: url, MONGODB_DATABASE: database });
  const collection = (name: string): Collection<Row> => mongo.db(database).collection<Row>(name);
  return {
    ...world,
    ...{ nats, collection },
    put: (name, rows) => collection(name).insertMany([...rows]),
    close: async () => {
      await world.close();
      await mongo.close();
      await nats.stop();
    },
  };
};

export const openWorld = async (
  natsUrl: string,
  played: readonly Played[],
  environment: Readonly<Record<string, string>> = {},
): Promise<World> => {
  const asked: World["asked"] = [];
  const services: Service[] = [];
  const byService = Map.groupBy(played, ({ definition: { service } }) => service);
  for (const [name, some] of byService) services.push(await playService(natsUrl, name, some, asked));
  const service = await openTestService(definition, {
    NATS_URL: natsUrl,
    GATEWAY_PORT: "0",
    OUTRIDER_ADMIN_KEY: adminKey,
    OUTRIDER_WEBHOOK_SECRET: webhookKey,
    ...environment,
  });
  const url = await openGateway(service);
  const call: World["call"] = async (method, path, { key, body, headers = {} } = {}) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, json: text === "" ? undefined : JSON.parse(text) };
  };
  return {
    ...{ url, service, asked, call },
    lastAsked: <Request>(name: string) => asked.findLast((one) => one.name === name)?.request as Request,
    close: async () => {
      for (const one of [service, ...services]) await one[Symbol.asyncDispose]();
    },
  };
};

const playService = async (natsUrl: string, name: ServiceName, played: readonly Played[], asked: World["asked"]): Promise<Service> => {
  const service = await openTestService(defineConfig(name, {}), { NATS_URL: natsUrl });
  const handlers = played.map(
    ({ definition: command, answer }): CommandHandler =>
      handle(command, async (request, context) => {
        asked.push({ name: `${name}.${command.name}`, request, context });
        return answer(request as never, context);
      }),
  );
  await serveCommands(service, handlers);
  return service;
};
