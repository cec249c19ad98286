import { importCodec } from "@outrider/contracts/ads";
import { accountId } from "@outrider/contracts/ids";
import { parseSubject } from "@outrider/contracts/streams";
import { done, impossible, type Reaction, react } from "@outrider/eventing";
import { driven, type IngestConfig, names } from "./config.ts";
import { drive, type IngestParts } from "./importing.ts";

/** A started import is read to its end within one delivery; a replica that dies at it leaves it to the next one, from its last checkpoint on. */
export const driveImports = (
  parts: IngestParts,
  {
    INGEST_IMPORTS_AT_ONCE: concurrency,
    INGEST_ACK_WAIT_MS: ackWaitMs,
  }: Pick<IngestConfig, "INGEST_IMPORTS_AT_ONCE" | "INGEST_ACK_WAIT_MS">,
): Reaction =>
  react(parts.kernel, { ...driven, durable: names.drive, codec: importCodec, concurrency, ackWaitMs }, async (message) => {
    const started = message.events.find(({ type }) => type === "ImportStarted");
    if (started?.type !== "ImportStarted") return done;
    const account = accountId.safeParse(parseSubject(message.subject)?.account);
    if (!account.success) return impossible("the subject names no account");
    const { correlation, traceparent } = message;
    const cause = { correlation, traceparent, causation: `${message.stream}:${message.revision}` };
    await drive(parts, { account: account.data, import: started.data.import, cause });
    return done;
  });
