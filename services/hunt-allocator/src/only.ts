import type { Codec } from "@outrider/eventing";

/**
 * A codec that reads only messages which hold one of some event types, and passes over the rest without parsing them: a reader of few events
 * among many then costs almost nothing. What it reads, it reads as the given codec does.
 */
export const only = <Event>(codec: Codec<Event>, ...types: readonly string[]): Codec<Event> => {
  const marks = types.map((type) => Buffer.from(`"type":"${type}"`));
  return {
    encode: codec.encode,
    decode: (stored) => {
      const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
      return marks.some((mark) => bytes.includes(mark)) ? codec.decode(stored) : { kind: "events", at: "", events: [] };
    },
  };
};
