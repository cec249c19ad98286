import { type ProblemSlug, problemSlugs } from "@outrider/contracts/commands";
import { Refusal, Unavailable } from "@outrider/platform";
import type { FastifyError } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { z } from "zod";
import { inWords } from "./misfits.ts";

const known = {
  "invalid-request": { status: 400, title: "The request does not fit" },
  "not-found": { status: 404, title: "There is no such thing" },
  "already-exists": { status: 409, title: "It exists already" },
  unauthorised: { status: 401, title: "A valid key is needed" },
  forbidden: { status: 403, title: "This key may not do that" },
  conflict: { status: 409, title: "It is in another state" },
  "idempotency-key-reused": { status: 409, title: "This Idempotency-Key was used for another request" },
  refused: { status: 409, title: "A rule refuses this" },
  "too-large": { status: 413, title: "It is too large" },
  unavailable: { status: 503, title: "Not available right now" },
  internal: { status: 500, title: "Something went wrong here" },
} as const satisfies Record<ProblemSlug, { status: number; title: string }>;

/** RFC 9457, with the rule that refused and the fields that do not fit. */
export const problem = z.object({
  type: z.string().describe(`https://outrider.dev/problems/ and one of ${problemSlugs.join(", ")}`),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  rule: z.string().optional().describe("the rule that said no, such as no-credits"),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  request: z.string().optional().describe("the id of the request, as in the header X-Request-Id"),
});
export type Problem = z.output<typeof problem>;
export const problemType = "application/problem+json; charset=utf-8";

interface Particulars {
  readonly rule?: string | undefined;
  readonly errors?: Problem["errors"];
  /** When it is not the usual one of the slug. */
  readonly status?: number;
}

export const problemOf = (slug: ProblemSlug, detail: string, { rule, errors, status }: Particulars = {}): Problem => ({
  type: `https://outrider.dev/problems/${slug}`,
  title: known[slug].title,
  status: status ?? known[slug].status,
  detail,
  ...(rule === undefined ? {} : { rule }),
  ...(errors === undefined ? {} : { errors }),
});

/** Names fields that did not fit, with one reason for all; thrown by hand where no schema can tell. */
export class InvalidField extends Error {
  override readonly name = "InvalidField";
  readonly fields: readonly string[];

  constructor(field: string | readonly string[], message: string) {
    super(message);
    this.fields = typeof field === "string" ? [field] : field;
  }
}

/** What is told to the caller about anything that was thrown; undefined: a bug, of which nothing is told. */
export const problemFrom = (error: unknown): Problem | undefined => {
  if (error instanceof Refusal) return error.slug === "internal" ? undefined : problemOf(error.slug, error.message, { rule: error.rule });
  if (error instanceof Unavailable) {
    return problemOf("unavailable", error.message, error.mayHaveHappened ? { rule: "may-have-happened" } : {});
  }
  if (error instanceof InvalidField) return misfits(error.fields.map((field) => ({ field, message: error.message })));
  if (hasZodFastifySchemaValidationErrors(error)) {
    return misfits(
      error.validation.map(({ instancePath, message }) => ({
        field: instancePath.split("/").filter(Boolean).join(".") || (error.validationContext ?? "request"),
        message: inWords(message ?? "does not fit"),
      })),
    );
  }
  return isFastifyError(error) ? problemOfFramework(error) : undefined;
};

const misfits = (errors: NonNullable<Problem["errors"]>): Problem =>
  problemOf("invalid-request", `these fields do not fit: ${errors.map(({ field, message }) => `${field} (${message})`).join("; ")}`, {
    errors,
  });

const isFastifyError = (error: unknown): error is FastifyError =>
  error instanceof Error && "code" in error && "statusCode" in error && typeof error.statusCode === "number";

const sentences: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "the content type is none that this route takes",
  FST_ERR_CTP_BODY_TOO_LARGE: "the body is larger than this route takes",
  FST_ERR_CTP_INVALID_JSON_BODY: "the body is not valid JSON",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "the body is not as long as its Content-Length says",
  FST_ERR_BAD_URL: "the address is not valid",
  FST_ERR_MAX_PARAM_LENGTH: "a part of the address is too long",
};

/** The framework's own complaints. Their messages may quote the request, so only sentences of ours are told. */
const problemOfFramework = ({ code, statusCode = 500 }: FastifyError): Problem | undefined => {
  if (statusCode >= 500) return undefined;
  const slug = statusCode === 413 ? "too-large" : statusCode === 404 ? "not-found" : "invalid-request";
  return problemOf(slug, sentences[code] ?? "the request cannot be read", { status: statusCode });
};
