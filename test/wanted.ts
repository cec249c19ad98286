/** What a program of ours was asked for; undefined when that is told already: its usage, or what is wrong with the words (exit code 2). */
export const wanted = <Asked extends { readonly help: boolean }>(usage: string, ask: () => Asked): Asked | undefined => {
  try {
    const asked = ask();
    if (!asked.help) return asked;
    process.stdout.write(`${usage}\n`);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
  }
  return undefined;
};
