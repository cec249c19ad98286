import { z } from "zod";
import { limits } from "./config.ts";
import { problem } from "./problems.ts";

/** Shapes that many routes share. */
export const seq = z.int().describe("the sequence of this change; lists take it as waitFor");
export const changed = z.object({ seq });
export const by = z.string().min(1).max(200).optional().describe("who decided it, for the record");

export const paging = {
  cursor: z.string().max(1000).optional().describe("`next` of the page before"),
  limit: z.coerce.number().int().min(1).max(limits.pageMost).default(limits.page),
};
export const waitFor = z.coerce
  .number()
  .int()
  .min(0)
  .optional()
  .describe("a `seq` that a change was answered with: the answer waits, at most 5 s, until it is in");

export const page = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next: z.string().optional().describe("cursor of the next page; absent on the last") });

/** The ways in which any route may say no. */
export const problems = { "4xx": problem, "5xx": problem };
