import { type ImportEvent, importCodec } from "@outrider/contracts/ads";
import { type HuntEvent, type RunEvent, runCodec } from "@outrider/contracts/hunts";
import { accountId, runId } from "@outrider/contracts/ids";
import { parseSubject, streams, subjects } from "@outrider/contracts/streams";
import {
  type Aggregate,
  type Cause,
  type Delivery,
  type Digested,
  done,
  impossible,
  type Kernel,
  type Reaction,
  react,
  Unavailable,
  waitFor,
} from "@outrider/eventing";
import { followed, names, unknownAccount } from "./config.ts";
import type { Hunt, HuntCommand, HuntRefusal } from "./hunt.ts";
import { only } from "./only.ts";
import { drivePass, type PassTools } from "./pass.ts";
import type { HuntDocument } from "./views.ts";

export type Hunts = Aggregate<Hunt, HuntCommand, HuntEvent, HuntRefusal>;

const causeOf = (delivery: Delivery<unknown>, at: string, what: string): Cause => ({
  commandId: `${delivery.stream}:${delivery.revision}:${what}`,
  at,
  correlation: delivery.correlation,
  causation: `${delivery.stream}:${delivery.revision}`,
  actor: names.actor,
  traceparent: delivery.traceparent,
});

/** A pass is driven from the message that opened it to its end in one delivery; a killed one is delivered again and goes on. */
export const drivePasses = (
  kernel: Kernel,
  tools: PassTools,
  { concurrency, takeoverMs }: { readonly concurrency: number; readonly takeoverMs: number },
): Reaction => {
  const drive = driving(tools, takeoverMs);
  const passes = { stream: streams.hunts.name, durable: names.drivePasses, filters: [followed.runs] };
  return react<RunEvent>(
    kernel,
    { ...passes, codec: only(runCodec, "PassOpened"), concurrency, ackWaitMs: takeoverMs },
    async (delivery) => {
      for (const event of delivery.events) {
        const driven = event.type === "PassOpened" ? await drive(delivery, event.data.pass) : done;
        if (driven !== done) return driven;
      }
      return done;
    },
  );
};

const driving = (tools: PassTools, takeoverMs: number) => {
  // Passes that this process has begun; a delivery that waits for something out of reach begins anew.
  const begun = new Set<string>();
  return async (delivery: Delivery<RunEvent>, pass: number): Promise<Digested> => {
    const at = parseSubject(delivery.subject);
    if (at === undefined) return impossible("the subject is no run's");
    const key = `${delivery.subject} ${pass}`;
    // A dead letter tried again comes as a first delivery: its age tells.
    const old = tools.clock.nowMs() - Date.parse(delivery.at) > takeoverMs;
    const again = delivery.deliveries > 1 || begun.has(key) || old;
    begun.add(key);
    const driven = await drivePass(tools, {
      account: accountId.parse(at.account),
      run: runId.parse(at.id),
      pass,
      again,
      cause: (step) => causeOf(delivery, tools.clock.now(), step),
    });
    if (driven === "stopping") throw new Unavailable("the process is ending; another replica goes on");
    if (driven === "unknown-account") {
      if (delivery.deliveries < unknownAccount.deliveries) return waitFor(unknownAccount.waitMs);
      return impossible("the account of this run is unknown");
    }
    begun.delete(key);
    return done;
  };
};

/** An import has ended: the active hunts that take ads from its sources have been scanned. */
export const recordScans = (
  kernel: Kernel,
  hunts: Hunts,
  { candidates, looking, waitMs, clock }: Pick<PassTools, "candidates" | "looking" | "waitMs" | "clock">,
): Reaction =>
  react<ImportEvent>(
    kernel,
    { stream: streams.ads.name, durable: names.recordScans, filters: [followed.imports], codec: only(importCodec, "ImportFinished") },
    async (delivery) => {
      const at = parseSubject(delivery.subject);
      if (at === undefined) return impossible("the subject is no import's");
      const account = accountId.parse(at.account);
      for (const event of delivery.events) {
        if (event.type !== "ImportFinished") continue;
        await looking.own(waitMs); // hunts are often made just before the first file
        const active = (await candidates.hunts(account)).filter((hunt) => takesFrom(hunt, event.data.sources));
        for (const { hunt } of active) {
          const cause = causeOf(delivery, clock.now(), `scanned-${hunt}`);
          await hunts.execute(subjects.hunt(account, hunt), { type: "RecordScan", at: delivery.at }, cause);
        }
      }
      return done;
    },
  );

const takesFrom = ({ definition: { source, criteria } }: HuntDocument, sources: readonly string[]): boolean => {
  const own = criteria.sources?.length ? criteria.sources : source === undefined ? undefined : [source];
  return own === undefined || own.some((each) => sources.includes(each));
};
