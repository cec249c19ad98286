import { createHash } from "node:crypto";
import type { AccountId } from "@outrider/contracts/ids";
import type { LogRow } from "@outrider/simulators";
import type { Tenant, World } from "../world.ts";

/** A message that the simulator was asked to send. */
export type Row = LogRow & { readonly to: string };

type Keyed = Pick<Tenant, "account" | "apiKey">;

/** What the simulator was asked for, by account, from its own log. */
export const rowsByAccount = async ({ sim }: World, tenants: readonly Keyed[]): Promise<ReadonlyMap<AccountId, readonly Row[]>> => {
  const byKey = new Map(tenants.map(({ account, apiKey }) => [createHash("sha256").update(apiKey).digest("hex").slice(0, 12), account]));
  const rows = new Map<AccountId, Row[]>(tenants.map(({ account }) => [account, []]));
  for await (const row of sim.log()) {
    const account = byKey.get(row.apiKey);
    if (row.operation === "sendsms" && row.to !== null && account !== undefined) rows.get(account)?.push({ ...row, to: row.to });
  }
  return rows;
};

export const rowsOfTenant = async (world: World, tenant: Keyed): Promise<readonly Row[]> =>
  (await rowsByAccount(world, [tenant])).get(tenant.account) ?? [];
