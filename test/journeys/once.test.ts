import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

const command = resolve(import.meta.dirname, "../../libs/cli/src/main.ts");
const shared = resolve(import.meta.dirname, "../../../shared/data/used-car-ads.csv");
const cwd = mkdtempSync(join(tmpdir(), "outrider-once-"));
const home = join(cwd, "home");
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const outrider = (...words: string[]): Promise<Ended> => outriderIn(home, ...words);

const outriderIn = (OUTRIDER_HOME: string, ...words: string[]): Promise<Ended> =>
  new Promise((end) => {
    const child = spawn(process.execPath, [command, ...words], {
      cwd,
      env: { ...process.env, OUTRIDER_HOME },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    child.on("close", (code) => end({ code, out, err }));
  });

const lastLine = (out: string) => JSON.parse(out.trim().split("\n").at(-1) ?? "");
const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((total, count) => total + count, 0);

/** The same sums that the command checks by itself, computed here from its printed line. */
const expectToAddUp = (summary: ReturnType<typeof lastLine>): void => {
  const { ads, run, sms, credits } = summary;
  expect(ads.read).toBe(ads.new + ads.changed + ads.duplicate + ads.bad);
  expect(run.found).toBe(run.allocated + sum(run.skipped));
  expect(run.allocated).toBe(sms.accepted + sms.rejected + sms.unknown + sms.gated);
  expect(credits.granted).toBe(credits.captured + credits.held + credits.balance);
  expect(credits.captured).toBe(sms.accepted - sms.failed);
  expect(credits.held).toBe(sms.unknown);
  expect(sms.delivered).toBeNull();
};

/** What left, by the simulator's own log in a kept folder, not by anything that Outrider says. */
const acceptedIn = (home: string): readonly { readonly at: string; readonly to: string; readonly answered: boolean }[] => {
  const folder = readdirSync(join(home, "once"))[0] ?? "";
  return readFileSync(join(home, "once", folder, "smsmobileapi-calls.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter(({ operation, accepted }) => operation === "sendsms" && accepted);
};

describe("outrider once", () => {
  test("goes from ads to the ledger, with a provider that misbehaves, and its summary adds up", async () => {
    const { code, out, err } = await outrider("once", "--json", "--faults", "some", "--keep");
    expect(err + out).not.toContain("does not hold");
    expect(code).toBe(0);
    const summary = lastLine(out);
    expect(summary.ads).toMatchObject({ read: 500, bad: 0 });
    expect(summary.run.allocated).toBeGreaterThan(400);
    expect(summary.sms.unknown + summary.sms.rejected).toBeGreaterThan(0);
    expect(summary.deadLetters).toBe(0);
    expectToAddUp(summary);

    const rows = acceptedIn(home);
    expect(new Set(rows.map(({ to }) => to)).size).toBe(rows.length);
    expect(rows.filter(({ answered }) => answered)).toHaveLength(summary.sms.accepted);
  });

  test("keeps its pace, and the next one in the same folder finds nothing new and writes to nobody twice", async () => {
    const kept = join(cwd, "kept");
    const file = join(cwd, "twelve.csv");
    const owners = 12;
    const paceMs = 150;
    const row = (id: number) => `site,${id},Peugeot 207,Peugeot,2500,75011,2026-11-20T08:00:00Z`;
    const rows = Array.from({ length: owners }, (_, index) => row(index + 1));
    writeFileSync(file, `source,sourceId,title,make,price,postalCode,publishedAt\n${rows.join("\n")}\n`);
    const words = ["once", "--json", "--keep", "--pace", String(paceMs), "--ads", file];

    const first = await outriderIn(kept, ...words);
    expect(first.code, first.err).toBe(0);
    expect(lastLine(first.out)).toMatchObject({ ads: { read: owners, new: owners }, sms: { accepted: owners } });
    expectToAddUp(lastLine(first.out));
    const times = acceptedIn(kept).map(({ at }) => Date.parse(at));
    // Eleven paces lie between the turns. The first request may come five of them late, cold; without a pace all leave within one.
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan((owners / 2) * paceMs);

    const again = await outriderIn(kept, ...words);
    expect(again.code, again.err).toBe(0);
    expect(lastLine(again.out)).toMatchObject({ ads: { read: owners, new: 0, duplicate: owners }, sms: { accepted: 0 } });
    expectToAddUp(lastLine(again.out));
    const reached = acceptedIn(kept).map(({ to }) => to);
    expect(reached).toHaveLength(owners);
    expect(new Set(reached).size).toBe(owners);
  });

  test.runIf(existsSync(shared))("takes 8,000 real ads", async () => {
    const { code, out } = await outrider("once", "--json", "--ads", shared);
    expect(code).toBe(0);
    const summary = lastLine(out);
    expect(summary.ads.read).toBe(8000);
    expect(summary.run.allocated).toBeGreaterThan(7000);
    expectToAddUp(summary);
  });

  const bad: readonly (readonly [what: string, bytes: Uint8Array | string, says: RegExp])[] = [
    ["an empty file", "", /empty/i],
    ["a binary file", Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 0, 1, 2, 3, 0, 255, 254]), /binary|text|not.*csv/i],
    ["headers that it does not know", "colour,shape\nred,round\n", /header|column/i],
  ];
  test.each(bad)("refuses %s with a clear sentence", async (what, bytes, says) => {
    const file = join(cwd, `${what.replaceAll(" ", "-")}.csv`);
    writeFileSync(file, bytes);
    const { code, err, out } = await outrider("once", "--ads", file);
    expect(code).toBeGreaterThan(0);
    expect(err + out).toMatch(says);
  });

  test("refuses a file that is not there before anything is started", async () => {
    const missing = await outrider("once", "--ads", join(cwd, "nowhere.csv"));
    expect(missing.code).toBe(2);
    expect(missing.err).toContain("nowhere.csv");
  });

  test("keeps bad rows aside and goes on", async () => {
    const file = join(cwd, "mixed.csv");
    const good = (id: number) => `site,${id},Peugeot 207,Peugeot,2500,75011,2026-11-20T08:00:00Z`;
    const rows = [
      "source,sourceId,title,make,price,postalCode,publishedAt",
      good(1),
      "site,2,too,few",
      good(3),
      "site,4,too,many,2500,75011,2026-11-20T08:00:00Z,and,more",
      `site,5,"a broken quote,Peugeot,2500,75011,2026-11-20T08:00:00Z`,
      good(6),
      `site,7,${"x".repeat(3_000_000)},Peugeot,2500,75011,2026-11-20T08:00:00Z`,
      good(8),
      good(8),
    ];
    writeFileSync(file, `${rows.join("\r\n")}\r\n`);
    const { code, out } = await outrider("once", "--json", "--ads", file);
    expect(code).toBe(0);
    const summary = lastLine(out);
    expect(summary.ads).toMatchObject({ new: 4, duplicate: 1, bad: 4 });
    expectToAddUp(summary);
  });
});
