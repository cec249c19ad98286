import type { Template } from "liquidjs";
import { z } from "zod";

/** A variable as a template names it, and whether it is certain to be there at that place (or replaced by a default). */
export interface Occurrence {
  readonly name: string;
  readonly guarded: boolean;
}

// liquidjs exports its syntax tree's classes, not their types for our tags; these are the parts that we read.
const token = z.looseObject({
  getText: z.custom<() => string>((value) => typeof value === "function"),
  props: z.array(z.unknown()).optional(),
  operator: z.string().optional(),
  content: z.unknown().optional(),
});
type Token = z.output<typeof token>;
const filterArgument = z.union([z.tuple([z.unknown(), token]), token]);
const value = z.looseObject({
  initial: z.looseObject({ postfix: z.array(token) }),
  filters: z.array(z.looseObject({ name: z.string(), args: z.array(filterArgument) })),
});
type Value = z.output<typeof value>;
const branch = z.looseObject({ value: value.optional(), values: z.array(token).optional(), templates: z.array(z.unknown()) });
const node = z.looseObject({
  name: z.string().optional(),
  value: value.optional(),
  branches: z.array(branch).optional(),
  elseTemplates: z.array(z.unknown()).optional(),
});

type Names = ReadonlySet<string>;

/** All variables that a parsed template names, except in comments. */
export const occurrencesIn = (templates: readonly Template[]): readonly Occurrence[] => walk(templates, new Set());

const walk = (templates: readonly unknown[], present: Names): readonly Occurrence[] =>
  templates.flatMap((each) => {
    const parsed = node.safeParse(each);
    if (!parsed.success) return [];
    const { name, value: output, branches = [], elseTemplates = [] } = parsed.data;
    if (name === "if" || name === "unless") return conditional(name, branches, elseTemplates, present);
    if (name === "case") {
      const subject = output === undefined ? [] : inCondition(output);
      return [
        ...subject,
        ...branches.flatMap(({ values = [], templates: inside }) => [
          ...values.filter(isVariable).map((each) => ({ name: nameOf(each), guarded: true })),
          ...walk(inside, present),
        ]),
        ...walk(elseTemplates, present),
      ];
    }
    return output === undefined ? [] : inOutput(output, present);
  });

const conditional = (
  name: "if" | "unless",
  branches: readonly z.output<typeof branch>[],
  elseTemplates: readonly unknown[],
  present: Names,
): readonly Occurrence[] => {
  const first = branches[0]?.value;
  return [
    ...branches.flatMap(({ value: condition, templates }, index) => {
      if (condition === undefined) return walk(templates, present);
      // The first branch of `unless` is the one where its condition does not hold.
      const certain = name === "unless" && index === 0 ? present : new Set([...present, ...impliedBy(condition)]);
      return [...inCondition(condition), ...walk(templates, certain)];
    }),
    ...walk(elseTemplates, name === "unless" && first !== undefined ? new Set([...present, ...impliedBy(first)]) : present),
  ];
};

/** A missing value is false in a condition: it can be asked for anywhere there. */
const inCondition = ({ initial, filters }: Value): readonly Occurrence[] =>
  [...initial.postfix, ...filters.flatMap(({ args }) => args.map(tokenOf))]
    .filter(isVariable)
    .map((each) => ({ name: nameOf(each), guarded: true }));

const inOutput = ({ initial, filters }: Value, present: Names): readonly Occurrence[] => {
  const replaced = filters[0]?.name === "default";
  const plain = (each: Token): Occurrence => ({ name: nameOf(each), guarded: present.has(nameOf(each)) });
  return [
    ...initial.postfix.filter(isVariable).map((each) => (replaced ? { name: nameOf(each), guarded: true } : plain(each))),
    ...filters.flatMap(({ args }) => args.map(tokenOf).filter(isVariable).map(plain)),
  ];
};

/** Variables that must have a value when the condition holds. Reads the postfix form: operands first, then what joins them. */
const impliedBy = ({ initial, filters }: Value): Names => {
  if (filters.length > 0) return new Set();
  const stack: Names[] = [];
  for (const each of initial.postfix) {
    if (each.operator === undefined) {
      stack.push(isVariable(each) ? new Set([nameOf(each)]) : isText(each) ? something : new Set());
      continue;
    }
    const right = stack.pop() ?? new Set();
    if (each.operator === "not") {
      stack.push(new Set());
      continue;
    }
    stack.push(joined(each.operator, stack.pop() ?? new Set(), right));
  }
  return stack.pop() ?? new Set();
};

/** Stands for a literal that is certainly something: unlike `nil`, `empty` and `blank`, which a missing value may equal. */
const something: Names = new Set();

const joined = (operator: string, left: Names, right: Names): Names => {
  switch (operator) {
    case "and":
      return new Set([...left, ...right]);
    case "or":
      return left.intersection(right);
    case ">":
    case ">=":
    case "<":
    case "<=":
    case "contains":
      return new Set([...left, ...right]);
    case "==": // two missing values are equal
      return left === something || right === something ? new Set([...left, ...right]) : new Set();
    default:
      return new Set();
  }
};

const isVariable = ({ props, content }: Token): boolean => props !== undefined && content === undefined;
const isText = (each: Token): boolean => /^["'\d-]/.test(nameOf(each));
const nameOf = (each: Token): string => each.getText().trim();
const tokenOf = (argument: z.output<typeof filterArgument>): Token => (Array.isArray(argument) ? argument[1] : argument);
