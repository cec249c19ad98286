import type { Kernel } from "./kernel.ts";

/** What is kept of a message that no handler could digest: where it stands and why, never what it says. */
export interface DeadLetter {
  readonly at: string;
  readonly service: string;
  readonly consumer: string;
  readonly stream: string;
  readonly seq: number;
  readonly subject: string;
  readonly reason: string;
  readonly deliveries: number;
  readonly trace?: string | undefined;
}

export interface DeadLetters {
  /** Resolves when the letter is stored. The id makes a repeat within two minutes harmless. */
  readonly write: (letter: Omit<DeadLetter, "service" | "at">) => Promise<void>;
  readonly list: (
    limit: number,
  ) => Promise<{ readonly letters: readonly (DeadLetter & { readonly id: number })[]; readonly total: number }>;
  readonly show: (id: number) => Promise<DeadLetter | undefined>;
  readonly drop: (id: number) => Promise<boolean>;
}

const deadStream = "DEAD";

/** The dead letters of one service, in the stream DEAD. */
export const deadLetters = ({ jsm, publisher, service }: Pick<Kernel, "jsm" | "publisher" | "service">): DeadLetters => {
  const show = async (id: number): Promise<DeadLetter | undefined> => {
    const message = await jsm.streams.getMessage(deadStream, { seq: id }).catch(() => null);
    return message === null || !message.subject.startsWith(`dead.${service}.`) ? undefined : message.json<DeadLetter>();
  };
  return {
    show,
    write: async (letter) => {
      const stored: DeadLetter = { at: new Date().toISOString(), service, ...letter };
      const data = new TextEncoder().encode(JSON.stringify(stored));
      const id = `${letter.stream}:${letter.consumer}:${letter.seq}`;
      const answer = await publisher.publish(`dead.${service}.${letter.consumer}`, data, [["Nats-Msg-Id", id]]);
      if (answer.kind !== "stored") throw new Error("the dead letter was not stored");
    },
    list: async (limit) => {
      const letters: (DeadLetter & { id: number })[] = [];
      const filter = `dead.${service}.>`;
      for (let seq = 1; letters.length < limit; ) {
        const query = { seq, next_by_subj: filter };
        const message = await jsm.streams.getMessage(deadStream, query).catch(() => null);
        if (message === null) break;
        letters.push({ id: message.seq, ...message.json<DeadLetter>() });
        seq = message.seq + 1;
      }
      const { state } = await jsm.streams.info(deadStream, { subjects_filter: filter });
      const total = Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
      return { letters, total };
    },
    drop: async (id) => ((await show(id)) === undefined ? false : jsm.streams.deleteMessage(deadStream, id)),
  };
};
