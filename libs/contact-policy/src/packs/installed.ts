import { france } from "./france.ts";
import type { Pack } from "./pack.ts";
import { unitedStates } from "./united-states.ts";

/** Every pack that is installed. A country that none of them names is not contacted. */
export const packs: readonly Pack[] = [france, unitedStates];

const byCountry = new Map(packs.flatMap((pack) => Object.keys(pack.countries).map((country) => [country, pack] as const)));

/** The pack for numbers of `country` (ISO 3166-1 alpha-2). */
export const packFor = (country: string): Pack | undefined => byCountry.get(country);
