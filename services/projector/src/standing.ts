import { readerOf } from "@outrider/contracts/projector";
import { isNotFound, reachable, Unfoldable } from "@outrider/eventing";
import { mongoPositions } from "@outrider/platform";
import type { AnyGroup } from "./groups.ts";
import type { ProjectorHost } from "./host.ts";

/** How far the views of a stream are, whichever replica reads it. */
export interface Standing {
  /** Up to where documents are written; undefined: nobody has read yet. */
  readonly seq: number | undefined;
  /** The last sequence of the stream. */
  readonly head: number;
  /** What keeps its reader from going on, as far as it can be seen from here: it stands still until somebody acts. */
  readonly stuck?: string;
  /** False: the stored position is of another stream, and so are the documents. */
  readonly ours: boolean;
}

const streamNotFound = 10059;

/** Whoever owns the stream has not started yet: there is nothing to read, and no reason to tell nothing of the others. */
const orNotThereYet = (error: unknown): { readonly created: string; readonly state: { readonly last_seq: number } } => {
  if (error instanceof Error && "code" in error && error.code === streamNotFound) return { created: "", state: { last_seq: 0 } };
  throw error;
};

/** Asks the stored position and the stream, and looks at the message that comes next when there is one. */
export const standingOf = async (host: Pick<ProjectorHost, "db" | "kernel">, group: AnyGroup): Promise<Standing> => {
  const { db, kernel } = host;
  const position = await mongoPositions(db, readerOf(group.stream)).load();
  const { created, state } = await reachable(kernel.jsm.streams.info(group.stream).catch(orNotThereYet));
  const head = state.last_seq;
  if (position === undefined) return { seq: undefined, head, ours: true };
  const { seq } = position;
  if (position.created !== created || seq > head) {
    const cure = "reconcile with the providers before sending, then drop the database while the services are stopped: it is built again";
    const why = position.created === created ? `it ends at ${head}` : "the stream was made anew";
    return {
      seq,
      head,
      ours: false,
      stuck: `the stored position ${seq} is not one of ${group.stream} (${why}); ${cure}`,
    };
  }
  const stuck = seq < head ? await newerAfter(host, group, seq) : undefined;
  return { seq, head, ours: true, ...(stuck === undefined ? {} : { stuck }) };
};

const newerAfter = async (
  { kernel }: Pick<ProjectorHost, "kernel">,
  { stream, codec }: AnyGroup,
  seq: number,
): Promise<string | undefined> => {
  // The client's types do not know both together, the server does: the first message from there on.
  const next = { seq: seq + 1, next_by_subj: ">" };
  try {
    const message = await reachable(kernel.jsm.streams.getMessage(stream, next));
    const decoded = message === null ? undefined : codec.decode(message.data);
    return message !== null && decoded?.kind === "newer" ? new Unfoldable("newer", stream, message.seq, decoded.what).message : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
};
