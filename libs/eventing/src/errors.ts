/** Something that this work needs cannot be reached for now. Nothing is wrong with the work itself: wait and try again. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
  /** Only for appends: the message may have been stored although nobody could confirm it. */
  readonly mayHaveHappened: boolean;
  constructor(what: string, options: ErrorOptions & { readonly mayHaveHappened?: boolean } = {}) {
    super(what, options);
    this.mayHaveHappened = options.mayHaveHappened ?? false;
  }
}

/** The command's id was chosen for something else before: this one is not carried out, and never will be under that id. */
export class CommandReused extends Error {
  override readonly name = "CommandReused";
  constructor() {
    super("another command had this id before");
  }
}

/** An aggregate's history holds a message that this release cannot fold: its commands are not answered until that is mended. */
export class Unfoldable extends Error {
  override readonly name = "Unfoldable";
  readonly kind: "newer" | "unreadable";
  constructor(kind: "newer" | "unreadable", stream: string, sequence: number, what: string) {
    super(
      kind === "newer"
        ? `${stream}:${sequence} was written by a newer release (${what}); a replica of that release must handle it`
        : `${stream}:${sequence} cannot be read (${what})`,
    );
    this.kind = kind;
  }
}

/** A stored position does not belong to the stream that is there: restored, or made anew. */
export class ForeignPosition extends Error {
  override readonly name = "ForeignPosition";
  constructor(reader: string, stream: string, why: string) {
    super(
      `${reader} stopped: its position does not belong to stream ${stream} (${why}). Rebuild the view, and reconcile with the providers before sending.`,
    );
  }
}
