import { importCodec, ingestCommands } from "@outrider/contracts/ads";
import { streams } from "@outrider/contracts/streams";
import { aggregate, jetStreamStore } from "@outrider/eventing";
import { inspectionHandlers, kernelOf, masterKeyOf, ownStreams, type Service, serveCommands } from "@outrider/platform";
import { commands } from "./commands.ts";
import type { IngestConfig } from "./config.ts";
import { digestsOf } from "./digest.ts";
import { importRule } from "./import.ts";
import type { IngestParts } from "./importing.ts";
import { lander as landerOf } from "./landing.ts";
import { ownersFrom } from "./owners.ts";
import { uploadedFile } from "./providers/uploaded-file.ts";
import { driveImports } from "./reactions.ts";

/** Brings the ingest up on a running service: its stream, what it answers, the imports it reads. Everything ends with the service. */
export const openIngest = async (service: Service<IngestConfig>): Promise<void> => {
  const { ask, clock, config, jsm, keyring, stopping } = service;
  const kernel = kernelOf(service);
  await ownStreams(service, streams.ads);
  const imports = aggregate(jetStreamStore({ jsm, publisher: kernel.publisher, stream: streams.ads.name, codec: importCodec }), importRule);
  const lander = landerOf({ kernel, keyring, now: clock.now });
  const file = uploadedFile({ jsm, keyring, stopping, longestLine: config.INGEST_LONGEST_LINE_BYTES, nowMs: clock.nowMs });
  const parts: IngestParts = {
    ...{ kernel, imports, lander, keyring, clock, config },
    sources: { file },
    owners: ownersFrom(service, config.INGEST_OWNERS_CACHED),
    digests: digestsOf(masterKeyOf(config).master.key),
  };
  const reaction = driveImports(parts, config);
  const inspected = inspectionHandlers(kernel, ingestCommands, {
    aggregates: { "ads.import": imports, "ads.ad": lander.ads },
    reactions: [reaction],
  });
  const live = config.OUTRIDER_PROVIDERS === "live";
  await serveCommands(service, [...commands(imports, { ask, clock, live, sources: Object.keys(parts.sources) }), ...inspected]);
  service.onStop("imports", reaction.stop);
};
