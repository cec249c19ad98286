import type { LedgerEvent } from "@outrider/contracts/ledger";
import type { Balance } from "./balance.ts";
import { inUtc } from "./moment.ts";

/** A balance as its closing event keeps it. */
type Closed = Extract<LedgerEvent, { type: "BalanceClosed" }>["data"]["state"];

export const closed = ({ grants, expiring, open, positions, below, ...sums }: Balance): Closed => ({
  ...sums,
  grants: [...grants],
  expiring: [...expiring].map(([grant, lot]) => ({ grant, ...lot })),
  reservations: [...open].map(([reservation, { until, contact, ...hold }]) => ({
    reservation,
    ...hold,
    ...(contact === undefined ? {} : { contact }),
    ...(until === undefined ? {} : { until }),
  })),
  positions: Object.fromEntries(positions),
  ...(below === undefined ? {} : { below }),
});

export const opened = ({ grants, expiring, reservations, positions, below, ...sums }: Closed): Balance => ({
  ...sums,
  grants: new Set(grants),
  expiring: new Map(expiring.map(({ grant, left, expiresAt }) => [grant, { left, expiresAt: inUtc(expiresAt) }])),
  open: new Map(reservations.map(({ reservation, ...hold }) => [reservation, hold])),
  positions: new Map(Object.entries(positions)),
  below,
});
