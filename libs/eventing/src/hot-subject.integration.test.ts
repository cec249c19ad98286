import { expect, test } from "vitest";
import { aggregate } from "./aggregate.ts";
import { at, soon, tally, total } from "./testing-tally.ts";
import { replica, unreliable, world } from "./testing-world.ts";

test.each([2, 8])(
  "rule: a conflict is tried again with jitter until the deadline: %i writers on one hot subject lose nothing",
  async (writers) => {
    await using all = await world("T");
    const replicas = await Promise.all(Array.from({ length: writers }, () => all.replica()));
    const each = 100;
    const outcomes = await Promise.all(
      replicas.map(async (here, writer) => {
        const tallies = aggregate(here.store("T"), tally);
        const kinds: string[] = [];
        for (let n = 0; n < each; n++) {
          const asked = { commandId: `${writer}-${n}`, at, deadline: soon(30_000) };
          kinds.push((await tallies.execute("t.hot", { type: "Add", key: `w${writer}`, n: 1 }, asked)).kind);
        }
        return kinds;
      }),
    );
    expect(outcomes.flat().filter((kind) => kind === "appended")).toHaveLength(writers * each);
    const fresh = await aggregate(replicas[0]?.store("T") ?? neverStore(), tally).fold("t.hot");
    expect(total(fresh.state)).toBe(writers * each);
  },
);

test("rule: `execute` knows the aggregate's last commands, so a repeat adds nothing when the first append is already inside the fold", async () => {
  await using all = await world("T");
  await using here = await all.replica();
  const tallies = aggregate(here.store("T"), tally);
  const asked = { commandId: "the same", at };
  expect((await tallies.execute("t.1", { type: "Add", key: "a", n: 1 }, asked)).kind).toBe("appended");
  for (let n = 0; n < 200; n++) await tallies.execute("t.1", { type: "Add", key: "b", n: 1 }, { commandId: `c${n}`, at });
  tallies.forget();
  const again = await tallies.execute("t.1", { type: "Add", key: "a", n: 1 }, asked);
  expect(again).toMatchObject({ kind: "already", events: [{ type: "Added" }] });
  expect(again.state.get("a")).toBe(1);
});

test("rule: a lost ack is looked up at the leader, so the execution that appended answers `appended`, and it alone", async () => {
  await using all = await world("T");
  await using wire = await unreliable(all.server.url);
  await using far = await replica(wire.url);
  await using near = await all.replica();
  for (let n = 0; n < 5; n++) {
    wire.loseAnswerTo(`lost-${n}`);
    const command = { type: "Add", key: `lost-${n}`, n: 1 } as const;
    const asked = { commandId: `c${n}`, at };
    const mine = await aggregate(far.store("T"), tally).execute(`t.${n}`, command, asked);
    expect(mine.kind).toBe("appended");
    expect(mine.state.get(`lost-${n}`)).toBe(1);
    expect((await aggregate(near.store("T"), tally).execute(`t.${n}`, command, asked)).kind).toBe("already");
  }
  expect(wire.cuts()).toBe(5);
});

const neverStore = (): never => {
  throw new Error("no replica");
};
