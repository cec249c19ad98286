import type { Problem } from "../../chaos/verdict.ts";
import { type Answer, type Client, ok } from "../../http.ts";
import type { Day, House } from "./day.ts";

// biome-ignore lint/suspicious/noExplicitAny: as in `Answer`, of which these are parts.
type Told = any;

/** All items of a list, page by page. */
export const allOf = async ({ get }: Client, path: string): Promise<readonly Told[]> => {
  const items: Told[] = [];
  for (let next: string | undefined = ""; next !== undefined; ) {
    const { body }: Answer = ok(await get(`${path}${path.includes("?") ? "&" : "?"}limit=100${next === "" ? "" : `&cursor=${next}`}`));
    items.push(...body.items);
    next = body.next;
  }
  return items;
};

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((total, count) => total + count, 0);
const sumOf = <Item>(items: readonly Item[], count: (item: Item) => number): number =>
  items.reduce((total, item) => total + count(item), 0);

/** What does not hold of some equations, each with what its sides are. */
const unequal = (whose: string, equations: Readonly<Record<string, readonly [number, number]>>): readonly Problem[] =>
  Object.entries(equations).flatMap(([what, [one, other]]) => (one === other ? [] : [{ what: `${whose}: ${what}: ${one} and ${other}` }]));

const eachHouse = async ({ houses }: Day, look: (house: House) => Promise<readonly Problem[]>): Promise<readonly Problem[]> =>
  (await Promise.all(houses.map(look))).flat();

export const importsAddUp = (day: Day): Promise<readonly Problem[]> =>
  eachHouse(day, async ({ account, client }) =>
    (await allOf(client, "/v1/imports")).flatMap(({ import: id, status, counts }) =>
      status === "finished"
        ? unequal(`import ${id} of ${account}`, {
            "read = new + changed + duplicate + bad": [counts.read, counts.new + counts.changed + counts.duplicate + counts.bad],
          })
        : [{ what: `import ${id} of ${account} is ${status}` }],
    ),
  );

/** found = allocated + skipped, allocated = what became of it; in all, by hunt and by channel; and both are what the contacts say. */
export const runsAddUp = (day: Day): Promise<readonly Problem[]> =>
  eachHouse(day, async ({ account, client }) => {
    const contacts = await allOf(client, "/v1/contacts");
    const runs = await allOf(client, "/v1/runs");
    const looked = runs.map(async ({ run: id }) => {
      const run = ok(await client.get(`/v1/runs/${id}`)).body;
      const whose = `run ${id} of ${account}`;
      if (run.settled !== true) return [{ what: `${whose} is not settled: ${JSON.stringify(run.progress.byStatus)}` }];
      return [
        ...run.passes.flatMap((pass: Told) => unequal(`pass ${pass.pass} of ${whose}`, foundIn(pass))),
        ...tallied(whose, run.progress),
        ...unequal(whose, {
          "progress and contacts": [run.progress.allocated, sumOf(contacts, (contact) => askedBy(contact, id))],
          "hunts found and run": [sumOf(run.progress.hunts, ({ found }: Told) => found), run.progress.found],
          "hunts allocated and run": [sumOf(run.progress.hunts, ({ allocated }: Told) => allocated), run.progress.allocated],
          "passes and run": [sumOf(run.passes, ({ allocated }: Told) => allocated), run.progress.allocated],
        }),
        ...run.progress.hunts.flatMap((hunt: Told) => tallied(`hunt ${hunt.hunt} of ${whose}`, hunt)),
      ];
    });
    return (await Promise.all(looked)).flat();
  });

const foundIn = ({ found, allocated, skipped }: Told): Readonly<Record<string, readonly [number, number]>> => ({
  "found = allocated + skipped": [found, allocated + sum(skipped)],
});

const becameOf = ({ accepted, rejected, unknown, gated }: Told): number => accepted + rejected + unknown + sum(gated);

const tallied = (whose: string, tally: Told): readonly Problem[] =>
  unequal(whose, {
    ...foundIn(tally),
    "allocated = accepted + rejected + unknown + gated": [tally.allocated, becameOf(tally.byStatus)],
    "allocated and channels": [tally.allocated, sumOf(tally.channels, ({ allocated }: Told) => allocated)],
    "channels' ends": [tally.allocated, sumOf(tally.channels, ({ byStatus }: Told) => becameOf(byStatus))],
  });

/** How often a contact was asked for by a run. */
const askedBy = ({ run, earlier = [] }: Told, id: string): number =>
  (run === id ? 1 : 0) + earlier.filter((asking: Told) => asking.run === id).length;

export const statementsAddUp = (day: Day): Promise<readonly Problem[]> =>
  eachHouse(day, async ({ account, client }) => {
    const { granted, expired, captured, refunded } = ok(await client.get("/v1/credits")).body;
    const lines = await allOf(client, "/v1/credits/statement");
    const of = (kind: string) => sumOf(lines, (line) => (line.kind === kind ? line.credits : 0));
    const notCovered = sumOf(lines, ({ settled }) => settled?.notCovered ?? 0);
    return unequal(`statement of ${account}`, {
      granted: [of("granted"), granted],
      expired: [of("expired"), expired],
      settled: [of("settled"), captured - refunded],
      "not covered": [notCovered, 0],
    });
  });
