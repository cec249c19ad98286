import type { Codec } from "@outrider/eventing";

/**
 * A codec that reads only messages which hold one of some event types, and passes over the rest without parsing them: a reader of few events
 * among many then costs almost nothing. What it reads, it reads as the given codec does.
 */
export const only = <Event>(codec: Codec<Event>, ...types: readonly string[]): Codec<Event> => {
  const marks = types.map(markOf);
  return readingWhere(codec, (bytes) => marks.some((mark) => bytes.includes(mark)));
};

/** Contacts that ended gated, and those that no run has asked for: the many that a pass asks for need not be parsed to know that. */
export const gatedOrByHand = <Event>(codec: Codec<Event>): Codec<Event> => {
  const [gated, requested, ofRun] = [markOf("ContactGated"), markOf("ContactRequested"), Buffer.from('"run":"')];
  return readingWhere(codec, (bytes) => bytes.includes(gated) || (bytes.includes(requested) && !bytes.includes(ofRun)));
};

const markOf = (type: string): Buffer => Buffer.from(`"type":"${type}"`);

const readingWhere = <Event>(codec: Codec<Event>, isWanted: (bytes: Buffer) => boolean): Codec<Event> => ({
  encode: codec.encode,
  decode: (stored) =>
    isWanted(Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength))
      ? codec.decode(stored)
      : { kind: "events", at: "", events: [] },
});
