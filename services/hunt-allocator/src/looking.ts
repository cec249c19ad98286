import { streams } from "@outrider/contracts/streams";
import { type Follower, type Kernel, orUndefined, Unavailable } from "@outrider/eventing";
import { followed } from "./config.ts";

/** The readers that keep the look-ups; by them a pass knows that what it reads is not behind. */
export interface Readers {
  readonly ads: Follower;
  readonly hunts: Follower;
  readonly people: Follower;
  readonly contacts: Follower;
}

export interface Looking {
  /** What our own stream says up to `seq` is in the look-ups; else `Unavailable`: planning on less could contact somebody twice. */
  readonly ownUpTo: (seq: number, waitMs: number) => Promise<void>;
  /** Best effort: what our own stream holds now is in the look-ups, or the time is over. */
  readonly own: (waitMs: number) => Promise<void>;
  /** Best effort: what the other streams hold now is in the look-ups, or the time is over. */
  readonly others: (waitMs: number) => Promise<void>;
}

export const looking = ({ jsm }: Pick<Kernel, "jsm">, { ads, hunts, people, contacts }: Readers): Looking => {
  // A reader's position moves with the messages that it reads: so their last one counts, not the stream's.
  const upToNow = async (stream: string, subject: string, reader: Follower, deadline: number): Promise<boolean> => {
    try {
      const last = await orUndefined(() => jsm.streams.getMessage(stream, { last_by_subj: subject }));
      return last == null || (await reader.reached(last.seq, deadline));
    } catch (error) {
      if (error instanceof Unavailable) return false; // the look-ups propose what they know
      throw error;
    }
  };
  return {
    ownUpTo: async (seq, waitMs) => {
      if (!(await hunts.reached(seq, performance.now() + waitMs))) throw new Unavailable("the look-up of earlier contacts is behind");
    },
    own: async (waitMs) => {
      await upToNow(streams.hunts.name, followed.hunts, hunts, performance.now() + waitMs);
    },
    others: async (waitMs) => {
      const deadline = performance.now() + waitMs;
      await Promise.all([
        upToNow(streams.ads.name, followed.ads, ads, deadline),
        upToNow(streams.registry.name, followed.people, people, deadline),
        upToNow(streams.sms.name, followed.contacts, contacts, deadline),
      ]);
    },
  };
};
