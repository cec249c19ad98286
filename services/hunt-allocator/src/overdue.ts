import { accountId, runId } from "@outrider/contracts/ids";
import { parseSubject, streams } from "@outrider/contracts/streams";
import { type Kernel, Unavailable } from "@outrider/eventing";
import { lookForOverdue, type Service } from "@outrider/platform";
import { type AllocatorConfig, names, overduePasses } from "./config.ts";
import { drivePass, type PassTools } from "./pass.ts";
import { openPass } from "./run.ts";

/**
 * Passes that are open although the message that opened them has been settled, as a dead letter perhaps: nobody would ever drive them, and
 * their account could start no other that day.
 */
export const lookForLeftPasses = (service: Service<AllocatorConfig>, kernel: Kernel, tools: PassTools): Promise<void> =>
  lookForOverdue(service, kernel, {
    ...{ ...overduePasses, stream: streams.hunts.name },
    nextMoment: async ({ subject, revision, storedMs }) => {
      if (openPass((await tools.runs.fold(subject)).state) === undefined) return undefined;
      const { ack_floor } = await kernel.jsm.consumers.info(streams.hunts.name, names.drivePasses);
      return ack_floor.stream_seq >= revision ? storedMs : Date.now(); // somebody drives it, or is about to
    },
    react: async ({ subject, revision }, because) => {
      const at = parseSubject(subject);
      const pass = openPass((await tools.runs.fold(subject)).state)?.pass;
      if (pass === undefined) return;
      const driven = await drivePass(tools, {
        account: accountId.parse(at?.account),
        run: runId.parse(at?.id),
        ...{ pass, again: true },
        cause: (step) => ({ ...because, commandId: `overdue:${revision}:${step}`, at: tools.clock.now() }),
      });
      if (driven === "stopping") throw new Unavailable("the process is ending; another replica goes on");
    },
  });
