import type { SmsEvent } from "@outrider/contracts/sms";
import { heldAlone, memoryDocuments, projection } from "@outrider/eventing";
import { expect, test } from "vitest";
import { guarded, type Stumble } from "./guarded.ts";
import type { ProjectedView, Stamp } from "./view.ts";
import { account, at, message } from "./views/testing-folded.ts";

test("a message that a view cannot fold is passed over and told without its words; all others are folded", async () => {
  const seen = (seq: number, document: Stamp | undefined): Stamp => {
    if (seq === 2) throw new RangeError("+33639980001 is no number");
    return { account: String(account), _seq: Math.max(seq, document?._seq ?? 0) };
  };
  const view: ProjectedView<SmsEvent> = {
    ...{ name: "contacts", version: 1, indexes: [], settled: false },
    changes: (_event, { revision }) => {
      if (revision === 3) throw new TypeError("nor this");
      return [{ id: revision === 4 ? "b" : "a", fold: (document) => seen(revision, document) }];
    },
  };
  const stumbles: Stumble[] = [];
  const documents = memoryDocuments<Stamp>();
  const into = projection(
    guarded(view, (stumble) => void stumbles.push(stumble)),
    documents,
  );
  const sent = { type: "ContactSent", data: { at } } as const;
  await into.apply(
    [1, 2, 3, 4].map((seq) => message<SmsEvent>("sms.contact.00.garage.c1", seq, sent)),
    heldAlone(1),
  );
  expect([...documents.all].map(([id, { _seq }]) => [id, _seq])).toEqual([
    ["a", 1],
    ["b", 4],
  ]);
  expect(stumbles).toEqual([
    { view: "contacts", seq: 3, reason: "cannot be folded (TypeError)" },
    { view: "contacts", seq: 2, reason: "cannot be folded (RangeError)" },
  ]);
});
