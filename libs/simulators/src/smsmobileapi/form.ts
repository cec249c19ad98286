/** Parameters of a query or an `application/x-www-form-urlencoded` body. The last of equal names wins, as in PHP. */
export type Form = Map<string, string>;

/** Reads a form; undefined when an escape in it is broken. Written by hand because it lies on the path of every message. */
export function parseForm(raw: string): Form | undefined {
  const form: Form = new Map();
  let start = 0;
  while (start < raw.length) {
    let end = raw.indexOf("&", start);
    if (end === -1) end = raw.length;
    let equals = raw.indexOf("=", start);
    if (equals === -1 || equals > end) equals = end;
    const name = unescaped(raw.slice(start, equals));
    const value = unescaped(raw.slice(equals + 1, end));
    if (name === undefined || value === undefined) return undefined;
    if (name !== "") form.set(name, value);
    start = end + 1;
  }
  return form;
}

function unescaped(raw: string): string | undefined {
  const spaced = raw.includes("+") ? raw.replaceAll("+", " ") : raw;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return undefined; // not UTF-8 or a broken escape: the caller answers 400
  }
}
