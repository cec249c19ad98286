import { inspect } from "node:util";

const hidden = "[personal]";

/** A personal value in memory that cannot slip into a log, a span, an error or a message: only `reveal` gives it, and is easy to find. */
export class Personal<Value> {
  readonly #value: Value;

  constructor(value: Value) {
    this.#value = value;
  }

  reveal(): Value {
    return this.#value;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [inspect.custom](): string {
    return hidden;
  }
}
