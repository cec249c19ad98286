import { createHash } from "node:crypto";
import { accountId, type PersonId, personId } from "@outrider/contracts/ids";
import { type PermitRequest, permitRequest } from "@outrider/contracts/registry";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { streams, subjects } from "@outrider/contracts/streams";
import { ensureStream, type Positions } from "@outrider/eventing";
import { keyIds, type Service } from "@outrider/platform";
import { openTestService } from "@outrider/platform/testing";
import { throwAwayNats } from "@outrider/stack/testing";
import { expect, vi } from "vitest";
import { definition, type RegistryConfig } from "./config.ts";
import { openRegistry } from "./registry.ts";

export const account = accountId.parse("garage");
export const hashOf = (key: string): string => createHash("sha256").update(key).digest("hex");
const apiKey = { key: "k1", hash: hashOf("secret"), scopes: ["admin" as const], label: "first" };
export const creation = registryCommands.createAccount.request.parse({ account, name: "Garage du Port", apiKey });
export const numbersFrom = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `06 39 98 ${String(from + index).padStart(4, "0")}`);
export const request = (changes: object = {}): PermitRequest =>
  permitRequest.parse({
    contact: "c1",
    attempt: 1,
    hunt: "h1",
    channel: "sms",
    purpose: "prospecting",
    legalBasis: "offer-to-buy",
    ...changes,
  });

/** Two replicas of the registry on real NATS, and somebody who asks them. */
export interface World extends AsyncDisposable {
  readonly caller: Service<RegistryConfig>;
  readonly replicas: Service<RegistryConfig>[];
  /** How far the senders' stream has been read. */
  readonly positions: Positions;
  /** A process of its own with what a registry is configured with. */
  readonly open: (replica: string) => Promise<Service<RegistryConfig>>;
  readonly found: (numbers: readonly string[], register?: boolean) => Promise<Awaited<ReturnType<typeof peopleBehind>>>;
  readonly personOf: (number: string) => Promise<PersonId>;
  readonly permit: (person: PersonId, changes?: object) => ReturnType<typeof askForPermit>;
  readonly historyOf: (person: PersonId) => Promise<string[]>;
  /** In the stream REGISTRY. */
  readonly messages: () => Promise<number>;
}

const peopleBehind = async (caller: Service<RegistryConfig>, numbers: readonly string[], register: boolean) => {
  const sealed = await caller.keyring.sealMany(numbers.map((plain) => ({ keyId: keyIds.account(account), plain })));
  return (await caller.ask(registryCommands.people, { account, numbers: sealed, register })).people;
};
const askForPermit = (caller: Service<RegistryConfig>, person: PersonId, changes: object) =>
  caller.ask(registryCommands.permit, { account, person, request: request(changes) });

export const openWorld = async (): Promise<World> => {
  const nats = await throwAwayNats();
  // A Friday, 11:00 in Paris.
  const clockOffset = String(Date.parse("2026-11-20T10:00:00.000Z") - Date.now());
  const open = (replica: string): Promise<Service<RegistryConfig>> =>
    openTestService(definition, {
      NATS_URL: nats.url,
      OUTRIDER_REPLICA: replica,
      OUTRIDER_CLOCK_OFFSET_MS: clockOffset,
      ERASURE_KEY_GRACE_MS: "1000",
      OVERDUE_EVERY_MS: "300",
      OVERDUE_AFTER_MS: "500",
      REGISTRY_RETURNS_LINGER_MS: "10",
    });
  const caller = await open("caller");
  for (const declared of [streams.sms, streams.hunts]) await ensureStream(caller.jsm, declared);
  const replicas = [await open("first"), await open("second")];
  const [, parts] = await Promise.all(replicas.map((service) => openRegistry(service)));
  if (parts === undefined) throw new Error("two were opened");
  await vi.waitFor(() => expect(replicas.flatMap(({ health }) => health.reasons())).toEqual([]), { timeout: 20_000 });
  const found: World["found"] = (numbers, register = true) => peopleBehind(caller, numbers, register);
  return {
    ...{ caller, replicas, positions: parts.positions.sms, open, found },
    personOf: async (number) => {
      const [one] = await found([number]);
      if (one === undefined || one.kind === "invalid") throw new Error(`${number} is no number`);
      return personId.parse(one.person);
    },
    permit: (person, changes = {}) => askForPermit(caller, person, changes),
    historyOf: async (person) => {
      const asked = { subject: subjects.person(account, person), from: 0, limit: 500 };
      const { entries } = await caller.ask(registryCommands.history, asked);
      return entries.flatMap(({ events }) => events.map(({ type }) => type));
    },
    messages: async () => (await caller.jsm.streams.info(streams.registry.name)).state.messages,
    [Symbol.asyncDispose]: async () => {
      for (const service of [...replicas, caller]) await service[Symbol.asyncDispose]();
      await nats.stop();
    },
  };
};
