import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { offerToBuyNotice } from "@outrider/contact-policy";
import { ingestCommands } from "@outrider/contracts/ads";
import { serviceNames } from "@outrider/contracts/commands";
import { type HuntDefinition, huntCommands, huntDefinition } from "@outrider/contracts/hunts";
import { type AccountId, accountId, type HuntId, huntId, type ImportId, importId, type LineId, lineId } from "@outrider/contracts/ids";
import { uploadCodec } from "@outrider/contracts/inbox";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { lineLimits, smsCommands } from "@outrider/contracts/sms";
import { buckets, subjects } from "@outrider/contracts/streams";
import { headerLines, type Kernel, openKernel, silent } from "@outrider/eventing";
import {
  type Ask,
  createAsk,
  createKeyring,
  type Keyring,
  KeyStore,
  keyIds,
  masterKeyOf,
  openBucket,
  questionsOver,
} from "@outrider/platform";
import { controlOf } from "@outrider/simulators";
import { type Outrider, type OutriderOptions, startOutrider } from "@outrider/stack";

/** A running Outrider and a way to ask its services directly, as they ask each other. For journeys, chaos and benches. */
export interface World extends AsyncDisposable {
  readonly outrider: Outrider;
  readonly dir: string;
  readonly kernel: Kernel;
  readonly ask: Ask;
  readonly keyring: Keyring;
  readonly sim: ReturnType<typeof controlOf>;
  readonly secrets: Readonly<Record<string, string>>;
}

export interface WorldOptions extends Partial<Omit<OutriderOptions, "dir">> {
  readonly keep?: boolean;
}

/** A moment at which everybody in the sandbox may lawfully be contacted: a Tuesday morning in Paris. */
export const lawfulMoment = "2026-11-24T10:00:00+01:00";

export const openWorld = async ({ keep = false, ...options }: WorldOptions = {}): Promise<World> => {
  const dir = await mkdtemp(join(tmpdir(), "outrider-world-"));
  const outrider = await startOutrider({ services: serviceNames, at: lawfulMoment, ...options, dir });
  const secrets: Record<string, string> = JSON.parse(readFileSync(join(dir, "secrets.json"), "utf8"));
  const nats = await connect({ servers: outrider.urls.nats, maxReconnectAttempts: -1, reconnectTimeWait: 100, name: "test world" });
  const js = jetstream(nats);
  const jsm = await jetstreamManager(nats);
  const stopping = new AbortController();
  const kernel = openKernel({ service: "test", nats, js, jsm, instruments: silent, ready: () => undefined, stopping: stopping.signal });
  const keys = await openBucket(jsm, buckets.keys, { replicas: 1, history: 2, direct: true });
  const keyring = createKeyring({
    store: new KeyStore(js, jsm, keys, () => kernel.publisher),
    master: masterKeyOf({ OUTRIDER_MASTER_KEY: secrets["OUTRIDER_MASTER_KEY"], OUTRIDER_PROVIDERS: "sandbox" }).master,
  });
  const simUrl = outrider.urls.simulators["smsmobileapi"];
  if (simUrl === undefined) throw new Error("the simulator did not start");
  return {
    outrider,
    dir,
    kernel,
    keyring,
    secrets,
    ask: createAsk({ questions: questionsOver(nats), isUp: () => !nats.isClosed(), name: "test", instruments: silent }),
    sim: controlOf(simUrl),
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      kernel.close();
      await nats.close();
      await outrider.stop();
      if (!keep) await rm(dir, { recursive: true, force: true });
    },
  };
};

/** Waits for a condition; throws with what was last seen when the deadline passes. */
export const eventually = async <T>(what: string, look: () => Promise<T | undefined>, ms = 60_000): Promise<T> => {
  const deadline = performance.now() + ms;
  let failure: unknown;
  while (performance.now() < deadline) {
    try {
      const seen = await look();
      if (seen !== undefined) return seen;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    await new Promise((resume) => setTimeout(resume, 50));
  }
  throw new Error(`${what}: not within ${ms} ms`, { cause: failure });
};

export interface Tenant {
  readonly account: AccountId;
  readonly line: LineId;
  readonly apiKey: string;
  readonly hunts: readonly HuntId[];
}

export interface TenantOptions {
  readonly name: string;
  readonly credits: number;
  readonly limits?: Partial<ReturnType<typeof lineLimits.parse>>;
  readonly hunts?: readonly Partial<HuntDefinition>[];
}

/** An account with credits, a connected line and active hunts. */
export const openTenant = async (world: World, { name, credits, limits = {}, hunts = [{}] }: TenantOptions): Promise<Tenant> => {
  const { ask } = world;
  const account = accountId.parse(name);
  const line = lineId.parse("main");
  const apiKey = `key-of-${name}`;
  await ask(registryCommands.createAccount, {
    account,
    name,
    timeZone: "Europe/Paris",
    country: "FR",
    policy: registryCommands.createAccount.request.parse({ account, name, apiKey: noKey }).policy,
    apiKey: noKey,
  });
  await ask(registryCommands.confirmOfferToBuy, { account, by: "test", notice: offerToBuyNotice });
  await ask(ledgerCommands.grant, { account, grant: "first", credits, by: "test" });
  await ask(
    smsCommands.connect,
    {
      account,
      line,
      provider: "smsmobileapi",
      apiKey,
      limits: lineLimits.parse({ minGapMs: 0, jitterMs: 0, recipientsPerDay: null, ...limits }),
    },
    { timeoutMs: 15_000 },
  );
  const ids: HuntId[] = [];
  for (const [index, hunt] of hunts.entries()) {
    const id = huntId.parse(`hunt-${index + 1}`);
    const definition = huntDefinition.parse({
      name: `Hunt ${index + 1}`,
      channels: ["sms"],
      lines: { sms: line },
      templates: { sms: "Bonjour, votre annonce {{ ad.title }} m'intéresse. STOP pour ne plus recevoir." },
      legalBasis: "offer-to-buy",
      criteria: { maxAgeDays: 36_500 },
      ...hunt,
    });
    await ask(huntCommands.createHunt, { account, hunt: id, definition, activate: true });
    ids.push(id);
  }
  return { account, line, apiKey, hunts: ids };
};

const noKey = { key: "none", hash: "0".repeat(64), scopes: ["read" as const], label: "none" };

/** Puts a file where the importer finds it, as the gateway does, and waits until it is imported. */
export const importFile = async (world: World, account: AccountId, csv: Uint8Array, name = "ads.csv"): Promise<ImportId> => {
  const { kernel, keyring, ask } = world;
  const id = importId.parse(`import-${name.replaceAll(/[^a-z0-9]/gi, "-")}-${Date.now().toString(36)}`);
  const size = 190_000;
  const pieces = Math.max(1, Math.ceil(csv.length / size));
  for (let index = 0; index < pieces; index++) {
    const piece = await keyring.seal(keyIds.account(account), csv.subarray(index * size, (index + 1) * size));
    const data = uploadCodec.encode(new Date().toISOString(), [
      { type: "UploadPiece", data: { index, piece, last: index === pieces - 1 } },
    ]);
    const cause = headerLines({ commandId: `${id}:${index}`, at: "", executionId: id });
    const answer = await kernel.publisher.publish(subjects.upload(account, id), data, cause);
    if (answer.kind !== "stored") throw new Error("the upload was not stored");
  }
  const request = { account, import: id, bytes: csv.length, source: "file", fictionNumbers: true };
  await ask(ingestCommands.startImport, request);
  return id;
};

export const untilImported = (world: World, account: AccountId, id: ImportId, ms = 120_000) =>
  eventually(
    "the import has finished",
    async () => {
      const { status, counts, reason } = await world.ask(ingestCommands.import, { account, import: id });
      if (status === "failed") throw new Error(`the import failed: ${reason}`);
      return status === "finished" ? counts : undefined;
    },
    ms,
  );

/** Rows in our own documented format, with numbers reserved for fiction. */
export const rowsOf = (count: number, { from = 0, source = "made" }: { readonly from?: number; readonly source?: string } = {}): Buffer => {
  const lines = ["source,sourceId,title,phone,ownerType,make,model,price,year,mileage,postalCode,publishedAt"];
  for (let index = from; index < from + count; index++) {
    const number = `+336399${String(80_000 + (index % 10_000)).padStart(5, "0")}`;
    lines.push(
      `${source},ad-${index},Peugeot 207 no ${index},${number},private,Peugeot,207,${2000 + (index % 5000)},2012,90000,75011,2026-11-20T08:00:00Z`,
    );
  }
  return Buffer.from(`${lines.join("\n")}\n`);
};

/** Starts a pass and waits until it is closed; answers its tallies. */
export const runPass = async (world: World, account: AccountId, ms = 120_000) => {
  const started = await world.ask(huntCommands.startPass, { account, by: "hand" }, { timeoutMs: 15_000 });
  return eventually(
    "the pass has closed",
    async () => {
      const run = await world.ask(huntCommands.run, { account, run: started.run }, { timeoutMs: 15_000 });
      const pass = run.passes.find(({ pass: number }) => number === started.pass);
      return pass !== undefined && !pass.open ? { ...pass, run: started.run } : undefined;
    },
    ms,
  );
};
