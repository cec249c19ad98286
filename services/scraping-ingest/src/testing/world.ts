import { createHash } from "node:crypto";
import { type AdEvent, adsCodec, type ImportEvent, ingestCommands } from "@outrider/contracts/ads";
import { type AccountId, accountId, hashId, importId, personId } from "@outrider/contracts/ids";
import { uploadCodec } from "@outrider/contracts/inbox";
import { accountPolicy } from "@outrider/contracts/registry";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { streams, subjects } from "@outrider/contracts/streams";
import { ensureStream, headerLines, type Kernel } from "@outrider/eventing";
import { erased, handle, kernelOf, keyIds, type Service, serveCommands } from "@outrider/platform";
import { defineConfig } from "@outrider/platform/config";
import { openTestService } from "@outrider/platform/testing";

/** What the ingest meets in production and a test must play: registry's answers, and a gateway that uploads files. */
export interface World {
  readonly service: Service;
  readonly kernel: Kernel;
  /** How often registry was asked for people. */
  readonly asked: () => number;
  /** People whom registry calls erased. */
  readonly erasedNumbers: Set<string>;
  readonly upload: (account: AccountId, id: string, file: Buffer | string, options?: UploadOptions) => Promise<void>;
  readonly start: (account: AccountId, id: string, options?: { fictionNumbers?: boolean }) => Promise<void>;
  readonly status: (account: AccountId, id: string) => Promise<Awaited<ReturnType<typeof ask>>>;
  /** Waits until the import has ended. */
  readonly ended: (account: AccountId, id: string) => Promise<Awaited<ReturnType<typeof ask>>>;
  readonly events: (account: AccountId, kind: "ad" | "import") => Promise<(AdEvent | ImportEvent)[]>;
}

interface UploadOptions {
  readonly pieceBytes?: number;
  /** Leaves out a piece, as a broken gateway would. */
  readonly without?: number;
  /** Stores a piece twice. */
  readonly twice?: number;
}

const definition = defineConfig("registry", {});
const ask = (service: Service, account: AccountId, id: string) =>
  service.ask(ingestCommands.import, { account, import: importId.parse(id) }, { timeoutMs: 10_000 });

export const testAccount = (name: string): AccountId => accountId.parse(name);

export const openWorld = async (natsUrl: string): Promise<World> => {
  const service = await openTestService(definition, { NATS_URL: natsUrl });
  const kernel = kernelOf(service);
  await ensureStream(service.jsm, streams.uploads);
  const erasedNumbers = new Set<string>();
  let asked = 0;
  await serveCommands(service, [
    handle(registryCommands.account, async ({ account }) => ({
      ...{ account, name: "Test", timeZone: "Europe/Paris", country: "FR", policy: accountPolicy.parse({}) },
      ...{ paused: false, providers: [], revision: 1 },
    })),
    handle(registryCommands.people, async ({ account, numbers }) => {
      asked++;
      const opened = await service.keyring.openMany(numbers);
      const people = opened.map((number) => {
        if (number === erased || !/^\+?\d{9,15}$/.test(number))
          return { kind: "invalid" as const, reason: "the text is no telephone number" };
        const person = personId.parse(hashId("person", account, number));
        const facts = { country: "FR", lineType: "mobile" as const, zones: ["Europe/Paris"], fiction: true };
        return { kind: "person" as const, person, facts, erased: erasedNumbers.has(number) };
      });
      const alive = people.flatMap((each) => (each.kind === "person" && !each.erased ? [keyIds.person(account, each.person)] : []));
      if (alive.length > 0 && alive.length < 50) await service.keyring.ensure(alive);
      return { people };
    }),
  ]);

  const upload: World["upload"] = async (account, id, file, { pieceBytes = 262_144, without, twice } = {}) => {
    const bytes = Buffer.from(file);
    const count = Math.max(1, Math.ceil(bytes.length / pieceBytes));
    for (let index = 0; index < count; index++) {
      if (index === without) continue;
      const piece = await service.keyring.seal(keyIds.account(account), bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes));
      const event = { type: "UploadPiece" as const, data: { index, piece, last: index === count - 1 } };
      const lines = headerLines({ commandId: createHash("sha1").update(`${id}${index}`).digest("hex"), at: "" });
      for (let times = index === twice ? 2 : 1; times > 0; times--)
        await kernel.publisher.publish(subjects.upload(account, id), uploadCodec.encode(new Date().toISOString(), [event]), lines);
    }
  };
  return {
    ...{ service, kernel, erasedNumbers, upload, asked: () => asked },
    start: async (account, id, { fictionNumbers = false } = {}) => {
      const request = { account, import: importId.parse(id), bytes: 1, source: "file", fictionNumbers };
      await service.ask(ingestCommands.startImport, request, { commandId: `start-${id}` });
    },
    status: (account, id) => ask(service, account, id),
    ended: async (account, id) => {
      for (const deadline = performance.now() + 50_000; ; ) {
        const status = await ask(service, account, id);
        if (status.status === "finished" || status.status === "failed") return status;
        if (performance.now() > deadline) throw new Error(`import ${id} is still ${status.status} at ${JSON.stringify(status.counts)}`);
        await new Promise((resume) => setTimeout(resume, 20));
      }
    },
    events: async (account, kind) => {
      const filter = subjects[kind](account, "*").replace(/\.\*$/, ".>");
      const found: (AdEvent | ImportEvent)[] = [];
      const consumer = await service.js.consumers.get(streams.ads.name, { filter_subjects: [filter] });
      const { num_pending: pending } = await consumer.info();
      if (pending === 0) return found;
      let seen = 0;
      for await (const message of await consumer.consume()) {
        const decoded = adsCodec.decode(message.data);
        if (decoded.kind !== "events") throw new Error(`message ${message.seq} is ${decoded.kind}`);
        found.push(...decoded.events);
        if (++seen === pending) break;
      }
      return found;
    },
  };
};
