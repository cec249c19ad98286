import type { Answer } from "./answers.ts";
import type { LogRow, Operation, PhoneFate, RequestFate } from "./control.ts";
import type { Journal } from "./journal.ts";

/** What the HTTP side must do with a call; it reports back through `call`. */
export type Reaction = {
  how: "answer" | "cut" | "hang";
  answer: Answer;
  /** Milliseconds before anything is said. */
  afterMs: number;
  /** Something else that must have happened before anything is said. */
  after: Promise<void> | undefined;
  call: Call;
};

export type CallFacts = {
  operation: Operation;
  to: string | null;
  text: string | null;
  from?: string;
  /** The key's hash. */
  apiKey: string;
  fate: RequestFate;
  attempt: number;
  /** The row before this one with the same key and number, or -1. */
  before: number;
};

/** A call under way, and its line in the log once it has ended. */
export class Call {
  readonly row: number;
  readonly at = new Date();
  id: string | null = null;
  phone: PhoneFate | null = null;
  /** What is to be written is true: "answered" in the log asks for it. */
  truthful = true;
  #status: number | null = null;
  readonly #journal: Journal;
  readonly #facts: CallFacts;
  readonly #description = () => this.#describe();

  constructor(journal: Journal, facts: CallFacts) {
    this.#journal = journal;
    this.#facts = facts;
    this.row = journal.begin(facts.before, this.#description);
  }

  /** The answer was handed to the system whole. */
  wrote(status: number): void {
    this.#status = status;
  }

  /** The call is over, however it ended. */
  ended(): void {
    this.#journal.settle(this.row, this.#description);
  }

  #describe(): LogRow {
    const { operation, to, text, from, apiKey, fate, attempt } = this.#facts;
    return {
      row: this.row,
      at: this.at.toISOString(),
      operation,
      to,
      ...(from === undefined ? {} : { from }),
      text,
      accepted: this.id !== null,
      answered: this.truthful && this.#status !== null,
      status: this.#status,
      id: this.id,
      apiKey,
      fate,
      attempt,
      phone: this.phone,
    };
  }
}
