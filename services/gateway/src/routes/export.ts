import { v1 } from "@outrider/contracts/api";
import { type DocumentOf, documents } from "@outrider/contracts/documents";
import { personId } from "@outrider/contracts/ids";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { erased, type Keyring } from "@outrider/platform";
import { z } from "zod";
import { limits } from "../config.ts";
import type { Gateway } from "../parts.ts";
import { aboutPeople, allAbout, openerFor } from "../persons.ts";
import { type Api, accountOf } from "../request.ts";
import { problems, seq } from "../shapes.ts";

const tags = ["people"];
const params = z.object({ person: personId });
const text = z.string().describe("`erased` when the person has been");
const inner = { account: true, _seq: true } as const;
const contact = documents.contacts.omit(inner).extend({ text, seq });
const reply = documents.replies.omit(inner).extend({ text, seq });
const ad = documents.ads.omit(inner).extend({ description: text.optional(), ownerName: text.optional(), seq });

const exported = registryCommands.exportPerson.reply.and(
  z.object({
    contacts: z.array(contact).describe("what was written, or was to be, newest first"),
    replies: z.array(reply).describe("what the person wrote, newest first"),
    ads: z.array(ad).describe("ads with the person's number"),
    incomplete: z
      .array(z.enum(aboutPeople))
      .optional()
      .describe(`lists that go on beyond the ${limits.aboutPersonMost.toLocaleString("en")} told here; /v1 lists page through them`),
  }),
);

/** Registry keeps who somebody is and what they said about being written to; the rest is in the read models. */
export const exportRoute = (api: Api, { ask, models, service }: Gateway): void => {
  api.route({
    ...v1.people.export,
    config: { access: "admin" },
    schema: {
      tags,
      summary: "All that is stored about somebody, in plain words: events, contacts, replies and ads",
      params,
      response: { 200: exported, ...problems },
    },
    handler: async (request) => {
      const account = accountOf(request);
      const { person } = request.params;
      const known = await ask(request, registryCommands.exportPerson, { account, person });
      const [contacts, replies, ads] = await Promise.all([
        allAbout(models, "contacts", account, person),
        allAbout(models, "replies", account, person),
        allAbout(models, "ads", account, person),
      ]);
      const open = openerFor(service.keyring, known.number === erased);
      const incomplete = aboutPeople.filter((name) => ({ contacts, replies, ads })[name].incomplete);
      return {
        ...known,
        contacts: await Promise.all(contacts.items.map((one) => withText(open, one))),
        replies: await Promise.all(replies.items.map((one) => withText(open, one))),
        ads: await Promise.all(ads.items.map((one) => adInWords(open, one))),
        ...(incomplete.length === 0 ? {} : { incomplete }),
      };
    },
  });
};

type Open = Keyring["open"];

const withText = async <Document extends DocumentOf<"contacts"> | DocumentOf<"replies">>(open: Open, document: Document) => {
  const { account: _account, _seq, text, ...rest } = document;
  return { ...rest, text: await open(text), seq: _seq };
};

const adInWords = async (open: Open, { account: _account, _seq, description, ownerName, ...rest }: DocumentOf<"ads">) => ({
  ...rest,
  ...(description === undefined ? {} : { description: await open(description) }),
  ...(ownerName === undefined ? {} : { ownerName: await open(ownerName) }),
  seq: _seq,
});
