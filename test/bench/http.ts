import type { AccountId } from "@outrider/contracts/ids";
import type { World } from "../world.ts";

type Json = Readonly<Record<string, unknown>>;

/** The gateway's API with the administrator's key, for one account. */
export const adminOf = ({ outrider, secrets }: Pick<World, "outrider" | "secrets">, account: AccountId) => {
  const { gateway } = outrider.urls;
  if (gateway === null) throw new Error("the gateway does not run");
  const headers = { authorization: `Bearer ${secrets["OUTRIDER_ADMIN_KEY"]}`, "outrider-account": account };
  const post = async (path: string, type: string, body: string | Uint8Array<ArrayBuffer>): Promise<Json> => {
    const answer = await fetch(`${gateway}${path}`, { method: "POST", headers: { ...headers, "content-type": type }, body });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`POST ${path} answered ${answer.status}: ${text}`);
    return JSON.parse(text);
  };
  return {
    post: (path: string, body: Json) => post(path, "application/json", JSON.stringify(body)),
    upload: (path: string, file: Buffer) => post(path, "text/csv", new Uint8Array(file)),
  };
};
