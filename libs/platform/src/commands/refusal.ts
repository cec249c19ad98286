import type { ProblemSlug } from "@outrider/contracts/commands";

/** "No", with a stable slug: thrown by a handler, and again by `ask` at the other end. `message` may be shown; it holds nothing personal. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly slug: ProblemSlug;
  /** The rule's own slug: `no-credits`, `already-erased` … */
  readonly rule: string | undefined;

  constructor(slug: ProblemSlug, message: string, rule?: string) {
    super(message);
    this.slug = slug;
    this.rule = rule;
  }
}

/** The caller's key was sent with another request before. */
export const keyReused = (): Refusal =>
  new Refusal(
    "idempotency-key-reused",
    "this Idempotency-Key was sent with another request before; repeat that one as it was, or take a new key",
  );

/** The `rule` beside the slug "unavailable": the command may have been carried out all the same. */
export const mayHaveHappened = "may-have-happened";
