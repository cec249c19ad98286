import fc from "fast-check";
import { expect, test } from "vitest";
import { aggregate, type Outcome } from "./aggregate.ts";
import { Unavailable } from "./errors.ts";
import { memoryStore } from "./memory-store.ts";
import { adversary, fates } from "./testing-adversary.ts";
import { at, closingTally, type Tally, type TallyCommand, type TallyEvent, tally } from "./testing-tally.ts";

type Answer = Outcome<Tally, TallyEvent, "full">;
interface Step {
  readonly instance: 0 | 1;
  readonly subject: "t.1" | "t.2";
  readonly command: TallyCommand;
  /** Drawn from few, so that commands are repeated, also by the other instance. */
  readonly id: number;
  readonly together: boolean;
  readonly restart: boolean;
  readonly again: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  instance: fc.constantFrom(0, 1),
  subject: fc.constantFrom("t.1", "t.2"),
  command: fc.record({
    type: fc.constantFrom("Add", "AddOnce"),
    key: fc.constantFrom("a", "b", "c"),
    n: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 9 }) }, { weight: 1, arbitrary: fc.constant(700_000) }),
  }),
  id: fc.nat(25),
  together: fc.boolean(),
  restart: fc.boolean(),
  again: fc.boolean(),
});

const options = { jitter: () => 0, closeEvery: 3, cache: 1 };

/** Two instances over one bad store: what was answered, and what is stored. */
const played = async (steps: readonly Step[], fate: readonly number[], creates: boolean) => {
  const store = memoryStore<TallyEvent>();
  const bad = adversary(store, fates(fate));
  const instances = [aggregate(bad, closingTally, { ...options, creates }), aggregate(bad, closingTally, { ...options, creates })];
  const answers: { readonly id: string; readonly answer: Answer }[] = [];
  const play = async ({ instance, subject, command, id, again }: Step): Promise<void> => {
    // One id is one command: a repeat says the same.
    const asked = { commandId: `${subject} ${command.type} ${command.key} ${command.n} ${id}`, at };
    try {
      const answer = await instances[instance]?.execute(subject, command, asked);
      if (answer !== undefined) answers.push({ id: asked.commandId, answer: { ...answer, state: new Map(answer.state) } });
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      if (again) await play({ instance, subject, command, id, again: false, together: false, restart: false });
    }
  };
  let running: Promise<void>[] = [];
  for (const each of steps) {
    if (each.restart) instances[each.instance]?.forget();
    running.push(play(each));
    if (each.together) continue;
    await Promise.all(running);
    running = [];
  }
  await Promise.all(running);
  return { store, answers };
};

const cleanRun = async (stored: readonly { readonly subject: string; readonly events: readonly TallyEvent[] }[], subject: string) => {
  let state = tally.initial();
  for (const message of stored)
    for (const event of message.events) if (message.subject === subject && event.type === "Added") state = tally.evolve(state, event, at);
  return state;
};

const anyRun = [
  fc.array(step, { minLength: 1, maxLength: 60 }),
  fc.array(fc.nat(99), { maxLength: 300, size: "max" }),
  fc.boolean(),
] as const;

test("whatever is repeated, refused, lost, stale or restarted: a command takes effect at most once", async () => {
  await fc.assert(
    fc.asyncProperty(...anyRun, async (steps, fate, creates) => {
      const { store } = await played(steps, fate, creates);
      const commands = store.messages().map(({ commandId }) => commandId);
      expect(new Set(commands).size).toBe(commands.length);
      const once = store
        .messages()
        .flatMap(({ subject, commandId, events }) =>
          commandId.includes("AddOnce") ? events.flatMap((event) => (event.type === "Added" ? [`${subject} ${event.data.key}`] : [])) : [],
        );
      expect(new Set(once).size).toBe(once.length);
    }),
    { numRuns: 300 },
  );
});

test("`appended` is answered for at most one execution of each stored message, and only for its own", async () => {
  await fc.assert(
    fc.asyncProperty(...anyRun, async (steps, fate, creates) => {
      const { store, answers } = await played(steps, fate, creates);
      const revisions = answers.flatMap(({ answer }) => (answer.kind === "appended" ? [answer.revision] : []));
      expect(new Set(revisions).size).toBe(revisions.length);
      for (const { id, answer } of answers) {
        if (answer.kind === "refused") continue;
        const message = store.messages().find(({ revision }) => revision === answer.revision);
        if (answer.kind === "appended") expect(message?.commandId).toBe(id);
        // An answer with events is the recorded outcome of this command, without the closing event beside it.
        if (answer.events.length === 0) continue;
        expect(message?.commandId).toBe(id);
        expect(answer.events).toEqual(message?.events.filter(({ type }) => type === "Added"));
      }
    }),
    { numRuns: 300 },
  );
});

test("the state is that of a clean run, from a closing event or from the first message", async () => {
  await fc.assert(
    fc.asyncProperty(...anyRun, async (steps, fate, creates) => {
      const { store } = await played(steps, fate, creates);
      for (const subject of ["t.1", "t.2"]) {
        const clean = await cleanRun(store.messages(), subject);
        const fromClosing = await aggregate(store, closingTally).fold(subject);
        expect(fromClosing.state).toEqual(clean);
        const steps = await aggregate(store, closingTally).history(subject, 0, Number.POSITIVE_INFINITY);
        expect(steps.at(-1)?.state ?? tally.initial()).toEqual(clean);
        expect(steps.at(-1)?.recorded.revision ?? 0).toBe(fromClosing.revision);
      }
    }),
    { numRuns: 300 },
  );
});

test("nobody is refused, or told `already` without events, from a state that had been left behind", async () => {
  await fc.assert(
    fc.asyncProperty(...anyRun, async (steps, fate, creates) => {
      const { store, answers } = await played(steps, fate, creates);
      for (const { id, answer } of answers) {
        const [subject = "", type, key = "", n] = id.split(" ");
        const upTo = store.messages().filter(({ revision }) => revision <= answer.revision);
        const state = await cleanRun(upTo, subject);
        if (answer.kind === "refused") expect([...state.values()].reduce((sum, each) => sum + each, Number(n))).toBeGreaterThan(1_000_000);
        if (answer.kind === "already" && answer.events.length === 0) expect([type, state.has(key)]).toEqual(["AddOnce", true]);
        if (answer.kind !== "already" || answer.events.length === 0) expect(answer.state).toEqual(state);
      }
    }),
    { numRuns: 300 },
  );
});
