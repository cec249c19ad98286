import { v1 } from "@outrider/contracts/api";
import { systemAccount } from "@outrider/contracts/ids";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { z } from "zod";
import type { Gateway } from "../parts.ts";
import { type Api, accountOf, callerOf } from "../request.ts";
import { by, changed, problems } from "../shapes.ts";

const { pause, resume } = registryCommands;
const tags = ["pauses"];

export const pauseRoutes = (api: Api, { ask }: Gateway): void => {
  for (const [verb, command, summary] of [
    ["pause", pause, "Within a second nothing of the account leaves any more"],
    ["resume", resume, "The account goes on"],
  ] as const) {
    api.route({
      ...v1.accounts[verb],
      config: { access: "write" },
      schema: { tags, summary, body: z.strictObject({ by }), response: { 200: changed, ...problems } },
      handler: (request) => {
        const { by = callerOf(request).actor } = request.body;
        return ask(request, command, { account: accountOf(request), by });
      },
    });
  }
  for (const [verb, command, summary] of [
    ["pause", pause, "Within a second nothing at all leaves any more"],
    ["resume", resume, "Everything that is not paused by itself goes on"],
  ] as const) {
    api.route({
      ...v1.system[verb],
      config: { access: "operator" },
      schema: { tags, summary, body: z.strictObject({ by }), response: { 200: changed, ...problems } },
      handler: (request) => {
        const { by = callerOf(request).actor } = request.body;
        return ask(request, command, { account: systemAccount, by });
      },
    });
  }
};
