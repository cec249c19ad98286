import { get as getHttp, Agent as HttpAgent, type IncomingMessage } from "node:http";
import { get as getHttps, Agent as HttpsAgent } from "node:https";
import { messageOf } from "./stack-error.ts";

/** The other side was not there, said no, or went away in the middle: nothing is wrong with what it has, we just do not have it. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

export interface DownloadLimits {
  /** Until the answer begins, redirects included: what a machine without a network loses. */
  readonly answerMs: number;
  /** Without a single byte. */
  readonly stallMs: number;
  readonly bytes: number;
}

const REDIRECTS = 5;

/**
 * The whole body at `url`, in memory. Goes through the proxy that `env` names, as other tools do.
 * @throws Unreachable with the reason, also when the body is longer than `limits.bytes` or breaks off.
 */
export async function download(url: URL, env: NodeJS.ProcessEnv, limits: DownloadLimits): Promise<Buffer> {
  const late = AbortSignal.timeout(limits.answerMs);
  const response = await answerOf(url, env, late, REDIRECTS).catch((error: unknown) => {
    throw late.aborted
      ? new Unreachable(`no answer from ${url.host} within ${limits.answerMs / 1_000} s`, { cause: error })
      : unreachable(error, `no connection to ${url.host}`);
  });
  return bodyOf(response, limits).catch((error: unknown) => {
    throw unreachable(error, "the download broke off");
  });
}

const unreachable = (cause: unknown, what: string): Unreachable =>
  cause instanceof Unreachable ? cause : new Unreachable(`${what}: ${reasonOf(cause)}`, { cause });

/** Where a name has several addresses, Node's error has an empty message and a code. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  return messageOf(error) || code;
}

/** The signal ends only the waiting for an answer: the body has a limit of its own. */
function answerOf(url: URL, env: NodeJS.ProcessEnv, late: AbortSignal, redirects: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const secure = url.protocol === "https:";
    const agent = secure ? new HttpsAgent({ proxyEnv: env }) : new HttpAgent({ proxyEnv: env });
    const request = (secure ? getHttps : getHttp)(url, { agent, headers: { "user-agent": "outrider" } });
    const giveUp = (): void => {
      request.destroy(new Error("too late"));
    };
    if (late.aborted) giveUp();
    late.addEventListener("abort", giveUp, { once: true });
    request.once("error", reject);
    request.once("response", (response) => {
      late.removeEventListener("abort", giveUp);
      const { statusCode = 0, headers } = response;
      if (statusCode === 200) return resolve(response);
      response.destroy();
      if (statusCode < 300 || statusCode > 399 || headers.location === undefined || redirects === 0)
        return reject(new Unreachable(`${url.host} answered HTTP ${statusCode}`));
      const next = URL.parse(headers.location, url.href);
      if (next === null || !/^https?:$/.test(next.protocol))
        return reject(new Unreachable(`${url.host} answered HTTP ${statusCode} to no address`));
      resolve(answerOf(next, env, late, redirects - 1));
    });
  });
}

async function bodyOf(response: IncomingMessage, limits: DownloadLimits): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  response.setTimeout(limits.stallMs, () => response.destroy(new Unreachable(`the download stood still for ${limits.stallMs / 1_000} s`)));
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) throw new Error("a body without an encoding comes in buffers");
    length += chunk.length;
    if (length > limits.bytes) throw new Unreachable(`the answer is longer than ${limits.bytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
