import { v1 } from "@outrider/contracts/api";

const templates = Object.values(v1).flatMap((routes) =>
  Object.values(routes).map(({ method, url }) => ({
    method,
    pattern: new RegExp(`^${url.replaceAll(/[.]/g, "\\.").replaceAll(/:\w+/g, "[^/]+")}$`),
  })),
);

/** The methods that an address of the API takes, without its query; none when it is no address of ours. */
export const methodsAt = (address: string): readonly string[] => {
  const [path = ""] = address.split("?", 1);
  return [...new Set(templates.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))].sort();
};
