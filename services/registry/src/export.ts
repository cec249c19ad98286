import { type Sealed, sealed } from "@outrider/contracts/define";

/** A copy in which every sealed value is open; `erased` where its key has been destroyed. */
export const openedWithin = async (open: (value: Sealed) => Promise<string>, value: unknown): Promise<unknown> => {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Promise.all(value.map((item) => openedWithin(open, item)));
  const closed = sealed.strict().safeParse(value);
  if (closed.success) return open(closed.data);
  const fields = Object.entries(value).map(async ([name, inner]) => [name, await openedWithin(open, inner)] as const);
  return Object.fromEntries(await Promise.all(fields));
};
