import type { CommandHandler } from "@outrider/platform";
import { accountHandlers } from "./account-commands.ts";
import type { RegistryParts } from "./parts.ts";
import { permitHandler } from "./permit.ts";
import { personHandlers } from "./person-commands.ts";

/** What others ask of the registry. */
export const commands = (parts: RegistryParts): readonly CommandHandler[] => [
  ...accountHandlers(parts),
  ...personHandlers(parts),
  permitHandler(parts),
];
