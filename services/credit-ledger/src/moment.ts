/** Whoever grants may name a moment in a zone of theirs: only in one zone, and in one form, does the order of texts say which is earlier. */
export const inUtc = (moment: string): string => new Date(moment).toISOString();
