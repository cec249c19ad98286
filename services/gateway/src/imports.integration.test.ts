import { connect } from "node:net";
import { ingestCommands } from "@outrider/contracts/ads";
import type { Sealed } from "@outrider/contracts/define";
import { accountId } from "@outrider/contracts/ids";
import { uploadCodec } from "@outrider/contracts/inbox";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { streams, subjects } from "@outrider/contracts/streams";
import { keyReused } from "@outrider/platform";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWorld, play, type World } from "./testing/world.ts";

const garage = accountId.parse("garage");
const key = `or_garage_${"s".repeat(43)}`;
const imports = new Map<string, number>();
/** The id of the command that started each, with its digest. */
const starts = new Map<string, string>();

let nats: ThrowAwayNats;
let world: World;

const played = [
  play(registryCommands.authenticate, () => ({ scopes: ["write" as const] })),
  play(ingestCommands.startImport, ({ import: id, bytes }, { commandId }) => {
    const startedBy = starts.get(id) ?? commandId;
    if (startedBy !== commandId) throw keyReused(); // as the import's own memory does
    starts.set(id, startedBy);
    imports.set(id, bytes);
    return { import: id, seq: 7 };
  }),
  play(ingestCommands.import, ({ import: id }) => ({
    status: imports.has(id) ? ("running" as const) : ("unknown" as const),
    counts: { read: 0, new: 0, changed: 0, duplicate: 0, bad: 0 },
    bytes: imports.get(id) ?? 0,
    seq: 7,
  })),
];

beforeAll(async () => {
  nats = await throwAwayNats();
  world = await openWorld(nats.url, played, { MONGODB_URL: "mongodb://127.0.0.1:9" });
});
afterAll(async () => {
  await world.close();
  await nats.stop();
});

const pieces = async (id: string) => {
  const found: { index: number; last: boolean; plain: Uint8Array }[] = [];
  const { state } = await world.service.jsm.streams.info(streams.uploads.name, { subjects_filter: subjects.upload(garage, id) });
  if (state.subjects === undefined) return found;
  const messages = await world.service.jsm.direct.getBatch(streams.uploads.name, {
    ...{ seq: 1, batch: 1000 },
    next_by_subj: subjects.upload(garage, id),
  });
  for await (const message of messages) {
    const decoded = uploadCodec.decode(message.data);
    if (decoded.kind !== "events") throw new Error(decoded.kind);
    for (const { data } of decoded.events) {
      const plain = await world.service.keyring.openBytes(data.piece);
      found.push({ index: data.index, last: data.last, plain: Buffer.from(plain) });
    }
  }
  return found;
};

describe("an upload", () => {
  const file = Buffer.alloc(700_000, "0123456789\n");
  const csv = { "content-type": "text/csv" };
  const upload = (body: string | Buffer<ArrayBuffer> | FormData, path = "", headers: Record<string, string> = csv) =>
    fetch(`${world.url}/v1/imports${path}`, { method: "POST", headers: { authorization: `Bearer ${key}`, ...headers }, body });

  /** Whoever named the file may have put a person into it: it travels sealed. */
  const nameAsked = () => world.service.keyring.open(world.lastAsked<{ fileName: Sealed }>("scraping-ingest.start-import").fileName);

  test("arrives in order, in sealed pieces, before anybody is asked to read it", async () => {
    const answer = await upload(file, "?fileName=ads.csv", { ...csv, "idempotency-key": "u-1" });
    expect(answer.status).toBe(202);
    const { import: id } = (await answer.json()) as { import: string };
    const stored = await pieces(id);
    expect(stored.map(({ index, last }) => [index, last])).toEqual([
      [0, false],
      [1, false],
      [2, false],
      [3, true],
    ]);
    expect(Buffer.concat(stored.map(({ plain }) => plain)).equals(file)).toBe(true);
    expect(world.lastAsked("scraping-ingest.start-import")).toMatchObject({ import: id, bytes: 700_000, source: "file" });
    expect(await nameAsked()).toBe("ads.csv");
    const other = await upload(file.subarray(1), "?fileName=ads.csv", { ...csv, "idempotency-key": "u-1" });
    expect([other.status, ((await other.json()) as { type: string }).type]).toEqual([
      409,
      expect.stringMatching(/idempotency-key-reused$/),
    ]);
    const again = await upload(file, "?fileName=ads.csv", { ...csv, "idempotency-key": "u-1" });
    expect(await again.json()).toEqual({ import: id, seq: 7 });
    expect(await pieces(id)).toHaveLength(4);
  });
  test("with the key of another address is refused, and repeated as it was it is the first one", async () => {
    const withKey = { ...csv, "idempotency-key": "u-2" };
    const first = await upload(file, "?source=file&fictionNumbers=true", withKey);
    expect(first.status).toBe(202);
    for (const other of ["?source=other&fictionNumbers=false", "?source=file&fictionNumbers=false", ""]) {
      const answer = await upload(file, other, withKey);
      expect([answer.status, ((await answer.json()) as { type: string }).type]).toEqual([
        409,
        expect.stringMatching(/idempotency-key-reused$/),
      ]);
    }
    const again = await upload(file, "?source=file&fictionNumbers=true", withKey);
    expect([again.status, await again.json()]).toEqual([202, await first.json()]);
  });
  test("may be a form", async () => {
    const form = new FormData();
    form.set("file", new Blob([file]), "form.csv");
    const answer = await upload(form, "", {});
    expect(answer.status).toBe(202);
    expect(world.lastAsked("scraping-ingest.start-import")).toMatchObject({ bytes: 700_000 });
    expect(await nameAsked()).toBe("form.csv");
  });
  test("that is empty is refused", async () => {
    for (const body of ["", new FormData()]) {
      const answer = await upload(body, "", body === "" ? csv : {});
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ errors: [{ field: "body" }] });
    }
  });
  test("that breaks off leaves nothing and starts nothing", async () => {
    const stored = async () => (await world.service.jsm.streams.info(streams.uploads.name)).state.messages;
    const atFirst = await stored();
    const before = world.asked.length;
    const leaving = new AbortController();
    const endless = new ReadableStream({
      async pull(controller) {
        controller.enqueue(new Uint8Array(200_000));
        await new Promise((go) => setTimeout(go, 5));
      },
    });
    const sent = fetch(`${world.url}/v1/imports`, {
      ...{ method: "POST", headers: { authorization: `Bearer ${key}`, ...csv }, body: endless, duplex: "half" },
      signal: leaving.signal,
    } as RequestInit);
    await expect.poll(stored).toBeGreaterThan(atFirst + 2);
    leaving.abort();
    await expect(sent).rejects.toThrow();
    await expect.poll(stored, { timeout: 10_000 }).toBe(atFirst);
    expect(world.asked.slice(before).map(({ name }) => name)).not.toContain("scraping-ingest.start-import");
  });
  test("that was refused before it was read holds up no gateway that is to end", async () => {
    const own = await openWorld(nats.url, played, { MONGODB_URL: "mongodb://127.0.0.1:9" });
    const socket = connect(Number(new URL(own.url).port), "127.0.0.1");
    const refused = new Promise<string>((answered) => socket.once("data", (data) => answered(String(data))));
    socket.write(
      "POST /v1/imports HTTP/1.1\r\nhost: a\r\nauthorization: Bearer no\r\ncontent-type: text/csv\r\ncontent-length: 99999\r\n\r\ntitle",
    );
    expect(await refused).toMatch(/^HTTP\/1\.1 401 /);
    const ended = new Promise((gone) => socket.once("close", gone));
    await own.close();
    await ended;
  }, 30_000);
});
