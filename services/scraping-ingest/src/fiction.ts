/** Reserved for fiction in France (06 39 98 00 00 to 06 39 98 99 99): they ring nowhere. */
const first = 33_639_980_000;
const howMany = 10_000;

/** The number that a row without one gets in the sandbox: in row order, from the start again after ten thousand, the same every time. */
export const fictionNumber = (row: number): string => `+${first + (row % howMany)}`;
