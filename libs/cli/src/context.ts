import type { Command } from "commander";
import { type Api, apiOf } from "./api.ts";
import { adminOf, type Endpoint, endpointOf } from "./endpoint.ts";
import { cannotRun } from "./failure.ts";
import { type Output, outputOf } from "./output.ts";

export type Options = Readonly<Record<string, unknown>>;

/** What every command's work is given. */
export interface Context {
  readonly output: Output;
  readonly options: Options;
  /** The words after the command; a missing optional one is "". */
  readonly args: readonly string[];
  /** With the account's key. */
  readonly api: () => Api;
  /** Where `api` calls, and as whom. */
  readonly endpoint: () => Endpoint;
  /** With the administrator's key, for the account that is meant. */
  readonly admin: () => Api;
  /** With the administrator's key, for nobody in particular. */
  readonly operator: () => Api;
}

/** Turns the work of a command into what commander calls. */
export const action = (work: (context: Context) => Promise<void>) =>
  async function (this: Command): Promise<void> {
    const options: Options = this.optsWithGlobals();
    const told = { url: textOption(options, "url"), account: textOption(options, "account") };
    await work({
      output: outputOf(options["json"] === true),
      options,
      args: this.processedArgs.map((word: unknown) => (typeof word === "string" ? word : "")),
      api: () => apiOf(endpointOf(told)),
      endpoint: () => endpointOf(told),
      admin: () => apiOf(adminOf(told)),
      operator: () => apiOf({ ...adminOf(told), account: undefined }),
    });
  };

export const textOption = (options: Options, name: string): string | undefined => {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
};

export const flagOption = (options: Options, name: string): boolean => options[name] === true;

/** A whole number from `min` to `max`. */
export const integerOption = (options: Options, name: string, min: number, max: number): number | undefined => {
  const text = textOption(options, name);
  return text === undefined ? undefined : integerOf(text, `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, min, max);
};

export const integerOf = (text: string, what: string, min: number, max: number): number => {
  const value = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw cannotRun(`${what} is "${text}": give a whole number from ${min} to ${max}.`);
};

export const oneOfOption = <const Choice extends string>(
  options: Options,
  name: string,
  choices: readonly Choice[],
): Choice | undefined => {
  const text = textOption(options, name);
  return text === undefined ? undefined : oneOf(text, `--${name}`, choices);
};

export const oneOf = <const Choice extends string>(text: string, what: string, choices: readonly Choice[]): Choice => {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw cannotRun(`${what} is "${text}": choose one of ${choices.join(", ")}.`);
  return found;
};
