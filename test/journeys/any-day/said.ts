import { header } from "@outrider/contracts/commands";
import { streams } from "@outrider/contracts/streams";
import type { Answer, Client } from "../../http.ts";
import type { World } from "../../world.ts";

/** A change that was asked for and carried out. */
export interface Said {
  readonly what: string;
  readonly key: string;
  readonly answer: Answer;
  /** The same request with the same Idempotency-Key. */
  readonly again: () => Promise<Answer>;
}

type Headers = Record<string, string>;

/** The same client, whose every change has an Idempotency-Key, and is remembered when it was carried out. */
export const remembering = (client: Client, keyed: () => string, said: Said[]): Client => {
  const once =
    <Given extends readonly unknown[]>(method: string, call: (path: string, headers: Headers, ...given: Given) => Promise<Answer>) =>
    async (path: string, headers: Headers, ...given: Given): Promise<Answer> => {
      const { "idempotency-key": key = keyed() } = headers;
      const all = { ...headers, "idempotency-key": key };
      const answer = await call(path, all, ...given);
      if (answer.status < 300) said.push({ what: `${method} ${path}`, key, answer, again: () => call(path, all, ...given) });
      return answer;
    };
  const post = once("POST", (path, headers, body?: unknown) => client.post(path, body, headers));
  const put = once("PUT", (path, headers, body: unknown) => client.put(path, body, headers));
  const patch = once("PATCH", (path, headers, body: unknown) => client.patch(path, body, headers));
  const remove = once("DELETE", (path, headers) => client.remove(path, headers));
  const upload = once("POST", (path, headers, csv: string | Uint8Array) => client.upload(path, csv, headers));
  return {
    key: client.key,
    get: client.get,
    post: (path, body, headers = {}) => post(path, headers, body),
    put: (path, body, headers = {}) => put(path, headers, body),
    patch: (path, body, headers = {}) => patch(path, headers, body),
    remove: (path, headers = {}) => remove(path, headers),
    upload: (path, csv, headers = {}) => upload(path, headers, csv),
  };
};

const ids = ["contact", "hunt", "import", "grant", "person", "run", "line"];

/** What of an answer to a repetition is not what it was the first time: whatever it names must be the same. */
export const differs = async (world: World, said: Said, again: Answer): Promise<string | undefined> => {
  const { answer: first } = said;
  const other = [...ids, ...((await openedPass(world, said)) ? ["pass"] : [])].find(
    (id) => first.body?.[id] !== undefined && again.body?.[id] !== first.body[id],
  );
  return other === undefined ? undefined : `first named the ${other} ${first.body[other]} and then ${again.body?.[other]}`;
};

/** A start that found a pass open changed nothing and is remembered by nobody: said again, it answers whichever is open then. */
const openedPass = async ({ kernel: { jsm } }: World, { what, key, answer }: Said): Promise<boolean> => {
  if (what !== "POST /v1/runs") return false;
  const message = await jsm.streams.getMessage(streams.hunts.name, { seq: answer.body.seq });
  return message?.header.get(header.command).startsWith(key) === true;
};
