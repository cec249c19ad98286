import { accountCodec, erasureCodec, personCodec } from "@outrider/contracts/registry";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { streams } from "@outrider/contracts/streams";
import { aggregate, jetStreamStore } from "@outrider/eventing";
import { inspectionHandlers, kernelOf, ownStreams, positionsOf, type Service, serveCommands, watchAccounts } from "@outrider/platform";
import { account } from "./account.ts";
import { announcement } from "./announcement.ts";
import { commands } from "./commands.ts";
import { names, type RegistryConfig } from "./config.ts";
import { lookForLostErasures, purgeKeys } from "./erasure.ts";
import type { RegistryParts } from "./parts.ts";
import { peopleOf } from "./people.ts";
import { person } from "./person.ts";
import { returnSmsPermits } from "./reactions.ts";

/** Brings the registry up on a running service: its stream, what it follows, what it answers. Everything ends with the service. */
export const openRegistry = async (service: Service<RegistryConfig>): Promise<RegistryParts> => {
  const { clock, config, keyring, acquireLease: acquire } = service;
  const kernel = kernelOf(service);
  await ownStreams(service, streams.registry);
  const { publisher, jsm } = kernel;
  const stream = streams.registry.name;
  const accounts = aggregate(jetStreamStore({ jsm, publisher, stream, codec: accountCodec }), account);
  const persons = aggregate(jetStreamStore({ jsm, publisher, stream, codec: personCodec }), person, {
    cache: config.REGISTRY_PEOPLE_CACHED,
  });
  const announcements = aggregate(jetStreamStore({ jsm, publisher, stream, codec: erasureCodec }), announcement, {
    cache: 100,
    creates: true,
  });
  const people = peopleOf({
    ...{ accounts, persons, keyring, jsm, sandbox: config.OUTRIDER_PROVIDERS === "sandbox" },
    ...{ remembered: config.REGISTRY_KNOWN_CACHED, rememberedMs: config.ERASURE_KEY_GRACE_MS / 2 },
  });
  const watch = watchAccounts(kernel);
  const positions = { sms: await positionsOf(service, names.returnSmsPermits) };
  const parts: RegistryParts = {
    kernel,
    accounts,
    persons,
    announcements,
    people,
    watched: { account: watch.account, pausedBy: watch.pausedBy, isCurrent: watch.isCurrent },
    clock,
    keyring,
    acquire,
    positions,
    config,
  };
  const reactions = [purgeKeys(parts)];
  const aggregates = { "registry.account": accounts, "registry.person": persons, "registry.erasure": announcements };
  const inspected = inspectionHandlers(kernel, registryCommands, { aggregates, reactions });
  await serveCommands(service, [...commands(parts), ...inspected], { concurrency: config.REGISTRY_COMMANDS_AT_ONCE });
  await lookForLostErasures(service, parts);
  const followers = [returnSmsPermits(parts)];
  service.onStop("readers", async () => {
    await Promise.all([...reactions, ...followers, watch].map((reader) => reader.stop()));
  });
  return parts;
};
