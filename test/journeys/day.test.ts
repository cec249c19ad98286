import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Client, huntOf, ok, openShop } from "../http.ts";
import { eventually, openWorld, rowsOf, type World } from "../world.ts";

let world: World;

beforeAll(async () => {
  world = await openWorld({ env: { POLL_PROVIDER_MS: "0", DEFER_AT_MOST: "0" } });
});
afterAll(() => world?.[Symbol.asyncDispose]());

const importAll = async (client: Client, csv: Uint8Array) => {
  const { body } = ok(await client.upload("/v1/imports?fileName=ads.csv&source=file", csv));
  return eventually("the import has finished", async () => {
    const seen = ok(await client.get(`/v1/imports/${body.import}`)).body;
    if (seen.status === "failed") throw new Error(seen.reason);
    return seen.status === "finished" ? seen : undefined;
  });
};

/** Starts a pass and waits until all that it allocated has ended. */
const runToTheEnd = async (client: Client) => {
  const { body: started } = ok(await client.post("/v1/runs", {}));
  return eventually("the run has ended", async () => {
    const { body } = ok(await client.get(`/v1/runs/${started.run}`));
    const pass = body.passes.find((each: { pass: number }) => each.pass === started.pass);
    return pass !== undefined && body.settled === true ? { ...body, pass } : undefined;
  });
};

const sentTo = async (apiKey: string): Promise<string[]> => {
  const numbers: string[] = [];
  for await (const row of world.sim.log())
    if (row.operation === "sendsms" && row.accepted && row.text?.includes(apiKey)) numbers.push(row.to ?? "");
  return numbers;
};

const signed = (account: string) => ({ templates: { sms: `{{ ad.title }} (${account}). STOP pour ne plus recevoir.` } });

describe("a day of a small account", () => {
  test("a file imported twice is new once, and each owner is asked once over two passes and two hunts", async () => {
    const { client, account } = await openShop(world, "twice");
    ok(await client.post("/v1/hunts", huntOf(signed(account))));
    ok(await client.post("/v1/hunts", huntOf({ ...signed(account), name: "Anything" }), { "idempotency-key": "second-hunt" }));
    const first = await importAll(client, rowsOf(40));
    expect(first.counts).toMatchObject({ read: 40, new: 40, duplicate: 0, bad: 0 });
    const again = await importAll(client, rowsOf(40));
    expect(again.counts).toMatchObject({ read: 40, new: 0, changed: 0, duplicate: 40 });

    const run = await runToTheEnd(client);
    expect(run.pass).toMatchObject({ found: 80, allocated: 40 });
    expect(run.progress.channels).toMatchObject([{ channel: "sms", allocated: 40, byStatus: { accepted: 40 } }]);
    const second = await runToTheEnd(client);
    expect(second.pass.allocated).toBe(0);
    const numbers = await sentTo("(twice)");
    expect(numbers).toHaveLength(40);
    expect(new Set(numbers).size).toBe(40);

    const credits = await eventually("the ledger has settled", async () => {
      const { body } = ok(await client.get("/v1/credits"));
      return body.held === 0 && body.captured === 40 ? body : undefined;
    });
    expect(credits).toMatchObject({ granted: 10_000, captured: 40, available: 9_960 });
  });

  test("no limit is exceeded: hunt, account, line and credits", async () => {
    const { client, account } = await openShop(world, "limited", { credits: 18, limits: { recipientsPerDay: 15 } });
    ok(
      await client.post("/v1/hunts", huntOf({ ...signed(account), dailyLimit: 6, criteria: { maxAgeDays: 36500, priceTo: 2019 } }), {
        "idempotency-key": "a",
      }),
    );
    ok(await client.post("/v1/hunts", huntOf({ ...signed(account), name: "Rest" }), { "idempotency-key": "b" }));
    await importAll(client, rowsOf(60));
    const run = await runToTheEnd(client);
    expect(run.pass.allocated).toBe(15);
    expect(await sentTo("(limited)")).toHaveLength(15);
    const skipped: Record<string, number> = run.pass.skipped;
    expect(run.pass.found).toBe(run.pass.allocated + Object.values(skipped).reduce((sum, count) => sum + count, 0));
    expect(skipped["line-daily-limit"]).toBeGreaterThan(0);
  });

  test("one key stands for one request: the same again changes nothing, another one is refused and changes nothing either", async () => {
    const { client, admin } = await openShop(world, "repeats");
    const hunt = huntOf({ name: "First" });
    const changes = [
      [client, "/v1/hunts", hunt, "/v1/hunts", { ...hunt, name: "Second" }],
      [client, "/v1/pause", { by: "ops" }, "/v1/resume", { by: "ops" }],
      [client, "/v1/lines/main/pause", { reason: "a" }, "/v1/lines/main/pause", { reason: "b" }],
      [admin, "/v1/credits/grants", { credits: 5 }, "/v1/credits/grants", { credits: 7 }],
    ] as const;
    for (const [index, [who, path, body, otherPath, other]] of changes.entries()) {
      const key = { "idempotency-key": `once-${index}` };
      const first = ok(await who.post(path, body, key));
      expect((await who.post(path, body, key)).body).toEqual(first.body);
      const refused = await who.post(otherPath, other, key);
      expect(refused).toMatchObject({ status: 409, body: { type: "https://outrider.dev/problems/idempotency-key-reused" } });
      expect((await who.post(path, body, key)).body).toEqual(first.body);
    }
    expect(ok(await client.get("/v1/account")).body.paused).toBe(true);
    expect(ok(await client.get("/v1/credits")).body.granted).toBe(10_005);
  });

  test("a STOP is honoured from then on, on every hunt, and shown with its reply", async () => {
    const { client, account } = await openShop(world, "stopped");
    ok(await client.post("/v1/hunts", huntOf(signed(account))));
    await importAll(client, rowsOf(3));
    await runToTheEnd(client);
    const [number] = await sentTo("(stopped)");
    const { body: found } = ok(await client.post("/v1/people/lookup", { number }));
    await world.sim.inbound({ from: number ?? "", text: "Stop !", apiKey: "vendor-key-of-stopped" });
    const why = await eventually("the opt-out counts", async () => {
      const { body } = ok(await client.get(`/v1/people/${found.person}/why`));
      return body.optedOut === undefined ? undefined : body;
    });
    expect(why.verdict).toMatchObject({ kind: "denied", rule: "opted-out" });
    expect(why.optedOut.by).toBe("keyword");
    const reply = await eventually("the reply is listed", async () => ok(await client.get("/v1/replies")).body.items[0]);
    expect(reply).toMatchObject({ text: "Stop !", keyword: "stop" });
    const sent = ok(
      await client.post("/v1/contacts", {
        person: found.person,
        text: "Encore moi",
        line: "main",
        purpose: "service",
        legalBasis: "consent",
      }),
    );
    const contact = await eventually("the contact has ended", async () => {
      const { body } = ok(await client.get(`/v1/contacts/${sent.body.contact}`));
      return body.status === "gated" ? body : undefined;
    });
    expect(contact.rule).toBe("opted-out");
  });

  test("what is unknown is shown to a person, who decides, and the credits follow", async () => {
    const { client, account } = await openShop(world, "unsure");
    ok(await client.post("/v1/hunts", huntOf(signed(account))));
    await importAll(client, rowsOf(4));
    await world.sim.setFaults({ cutAfter: 1 });
    const run = await runToTheEnd(client).finally(() => world.sim.setFaults({ cutAfter: 0 }));
    expect(run.progress.byStatus.unknown).toBe(4);
    const { body: unknown } = ok(await client.get("/v1/contacts?status=unknown"));
    expect(unknown.items).toHaveLength(4);
    const [one, two, three] = unknown.items.map((item: { contact: string }) => item.contact);
    ok(await client.post(`/v1/contacts/${one}/resolve`, { as: "sent" }));
    ok(await client.post(`/v1/contacts/${two}/resolve`, { as: "not-sent" }));
    const early = await client.post(`/v1/contacts/${three}/resolve`, { as: "send-again" });
    expect(early.status).toBe(409);
    expect(early.body.rule).toBe("too-early");
    const credits = await eventually("the ledger has settled", async () => {
      const { body } = ok(await client.get("/v1/credits"));
      return body.held === 2 ? body : undefined;
    });
    expect(credits).toMatchObject({ captured: 1, released: 1, held: 2 });
  });

  test("bad input names what is wrong, and nothing else happens", async () => {
    const { client } = await openShop(world, "clumsy");
    const template = await client.post("/v1/hunts", huntOf({ templates: { sms: "Bonjour {{ owner.nmae }}" } }));
    expect(template.status).toBe(400);
    expect(template.text).toContain("owner.nmae");
    const binary = await client.upload("/v1/imports?fileName=x.csv", Buffer.from([0, 1, 2, 3, 255, 254, 0, 0, 9]));
    const { body } = ok(binary);
    const failed = await eventually("the import has failed", async () => {
      const seen = ok(await client.get(`/v1/imports/${body.import}`)).body;
      return seen.status === "failed" ? seen : undefined;
    });
    expect(failed.reason).toMatch(/binary|text|header/i);
    expect(
      (await client.post("/v1/contacts", { number: "12", text: "x", line: "main", purpose: "service", legalBasis: "consent" })).status,
    ).toBe(400);
    expect(ok(await client.get("/v1/credits")).body.held).toBe(0);
  });

  test("a pause of the account stops what has not left, a resume lets the next pass go on", async () => {
    const { client, account } = await openShop(world, "paused", { limits: { minGapMs: 200 } });
    ok(await client.post("/v1/hunts", huntOf(signed(account))));
    await importAll(client, rowsOf(30));
    ok(await client.post("/v1/runs", {}));
    await eventually("some have left", async () => ((await sentTo("(paused)")).length >= 2 ? true : undefined));
    ok(await client.post("/v1/pause", {}));
    await new Promise((resume) => setTimeout(resume, 1000)); // the promise is a second
    const then = (await sentTo("(paused)")).length;
    const ended = await eventually("the rest ended gated", async () => {
      const { body } = ok(await client.get("/v1/contacts?status=gated&limit=100"));
      return body.items.length + then === 30 ? body.items : undefined;
    });
    expect(new Set(ended.map(({ rule }: { rule: string }) => rule))).toEqual(new Set(["paused"]));
    expect((await sentTo("(paused)")).length).toBe(then);
    ok(await client.post("/v1/resume", {}));
    const credits = await eventually("the credits came back", async () => {
      const { body } = ok(await client.get("/v1/credits"));
      return body.held === 0 ? body : undefined;
    });
    expect(credits.captured).toBe(then);
  });

  test("a pause ends at once also what waits for a turn or for the provider, hours away, as an erasure does, and gives its credits back", async () => {
    const { client, account } = await openShop(world, "patient", { limits: { minGapMs: 600_000 } });
    ok(await client.post("/v1/hunts", huntOf(signed(account))));
    await importAll(client, rowsOf(8));
    await world.sim.setFaults({ tooMany: 1, retryAfterS: 3600 }, "none");
    const gated = async () => ok(await client.get("/v1/contacts?status=gated&limit=100")).body.items;
    try {
      ok(await client.post("/v1/runs", {}));
      await eventually("the first is told to come in an hour, the others wait for their turn", async () => {
        const told = (await Array.fromAsync(world.sim.log())).some(
          ({ operation, text }) => operation === "sendsms" && text?.includes("(patient)"),
        );
        const { items } = ok(await client.get("/v1/contacts?status=requested&limit=100")).body;
        return told && items.length === 8 ? true : undefined;
      });
    } finally {
      await world.sim.setFaults({}, "none");
    }
    const { body: waiting } = ok(await client.get("/v1/contacts?status=requested&limit=1"));
    ok(await client.post(`/v1/people/${waiting.items[0].person}/erase`, {}));
    await eventually("the erased person's contact has ended", async () => {
      const items = await gated();
      return items.length === 1 && items[0].rule === "erased" ? true : undefined;
    });
    ok(await client.post("/v1/pause", {}));
    const ended = await eventually("the rest ended gated", async () => {
      const items = await gated();
      return items.length === 8 ? items : undefined;
    });
    expect(ended.filter(({ rule }: { rule: string }) => rule === "paused")).toHaveLength(7);
    const credits = await eventually("the credits came back", async () => {
      const { body } = ok(await client.get("/v1/credits"));
      return body.held === 0 ? body : undefined;
    });
    expect(credits).toMatchObject({ captured: 0, released: 8 });
    expect(await sentTo("(patient)")).toEqual([]);
  });
});
