import { JetStreamApiError } from "@nats-io/jetstream";
import { Unavailable } from "@outrider/eventing";

/** Everything but an answer of the server means that it could not be reached: `Unavailable`, which makes readers wait. */
export const reachable = async <T>(asked: Promise<T>): Promise<T> => {
  try {
    return await asked;
  } catch (error) {
    const answered = error instanceof JetStreamApiError ? error.status < 500 : isNotFound(error);
    if (answered) throw error;
    throw new Unavailable("JetStream did not answer", { cause: error });
  }
};

/** A direct get that finds nothing ends with an error of this code. */
export const isNotFound = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === 404;
