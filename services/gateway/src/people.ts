import { registryCommands } from "@outrider/contracts/registry-commands";
import { keyIds, type Service } from "@outrider/platform";
import type { FastifyRequest } from "fastify";
import { InvalidField } from "./problems.ts";
import { type AskFor, accountOf } from "./request.ts";

interface Asking {
  readonly ask: AskFor;
  readonly service: Pick<Service, "keyring">;
}

/** The person behind a number, which leaves this process sealed only. Throws `InvalidField` for what is no number. */
export const findPerson = async (
  { ask, service }: Asking,
  request: FastifyRequest,
  number: string,
  { register }: { register: boolean },
) => {
  const account = accountOf(request);
  const sealed = await service.keyring.seal(keyIds.account(account), number);
  const { people } = await ask(request, registryCommands.people, { account, numbers: [sealed], register }, { part: "person" });
  const found = people[0];
  if (found === undefined) throw new TypeError("registry answers in order");
  if (found.kind === "invalid") throw new InvalidField("number", found.reason);
  return { person: found.person, known: found.kind === "person", erased: found.kind === "person" && found.erased };
};
