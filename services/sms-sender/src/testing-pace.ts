import type { AccountId } from "@outrider/contracts/ids";
import { lineCodec } from "@outrider/contracts/sms";
import { streams, subjects } from "@outrider/contracts/streams";
import { expect } from "vitest";
import { main, type Someone, type World } from "./testing-world.ts";

/**
 * Each of them was sent one message, not before the last turn that their line gave them, and those turns keep the gap. When a message arrives
 * tells less: on a busy machine one may be late, and the next one right behind it.
 */
export const expectPaced = async (world: World, account: AccountId, people: readonly Someone[], gapMs: number): Promise<void> => {
  const events = await world.eventsOf(streams.sms.name, lineCodec, subjects.smsLine(account, main));
  const given = events.flatMap((event) => (event.type === "TurnsGiven" ? event.data.turns : []));
  const lastTurn = new Map(given.map(({ contact, at }) => [contact, at]));
  const sent = await world.sends(people);
  const turns = people.map(({ contact, number }) => {
    const turn = world.service.clock.toReal(lastTurn.get(contact) ?? "").getTime();
    const own = sent.filter(({ to }) => to === number);
    expect(own).toHaveLength(1);
    expect(own.map(({ at }) => Date.parse(at) - turn).at(0)).toBeGreaterThanOrEqual(-5); // clocks are read to the millisecond, timers a little early
    return turn;
  });
  turns.sort((one, other) => one - other);
  for (const [index, turn] of turns.entries()) if (index > 0) expect(turn - (turns[index - 1] ?? 0)).toBeGreaterThanOrEqual(gapMs);
};
