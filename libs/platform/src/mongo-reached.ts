import { Unavailable } from "@outrider/eventing";

/** The driver has no common class for them, and is loaded only by those who use it, so names have to do. */
const names =
  /^(Mongo(ServerSelection|Network|NetworkTimeout|NotConnected|TopologyClosed|Pool(Closed|Cleared)|ClientClosed|WaitQueueTimeout)|PoolClearedOnNetwork)Error$/;
/** A server that is shutting down, or is not the one that takes writes now. */
const codes = new Set<unknown>([91, 189, 10107, 11600, 11602, 13435, 13436]);

const isUnreachable = (error: unknown): boolean =>
  error instanceof Error && (names.test(error.name) || ("code" in error && codes.has(error.code)));

/** The error itself, or `Unavailable` when it says that MongoDB could not be reached: then nothing is wrong with the work. */
export const orUnavailable = (error: unknown): unknown =>
  isUnreachable(error) ? new Unavailable("MongoDB cannot be reached", { cause: error }) : error;

/** Rejects with `Unavailable` when MongoDB could not be reached. */
export const reached = async <T>(asked: Promise<T>): Promise<T> => {
  try {
    return await asked;
  } catch (error) {
    throw orUnavailable(error);
  }
};
