const BLOCK = 512;

/**
 * The content of the first file called `name`, in whatever folder, of an uncompressed tar; undefined when there is none. Knows what
 * release archives have: plain files, with sizes in octal. Only for archives whose sum was checked before.
 */
export function fileInTar(tar: Buffer, name: string): Buffer | undefined {
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const header = tar.subarray(at, at + BLOCK);
    const path = textIn(header, 0, 100);
    if (path === "") return undefined;
    const size = Number.parseInt(textIn(header, 124, 12), 8);
    if (!Number.isInteger(size)) return undefined;
    const type = textIn(header, 156, 1);
    const from = at + BLOCK;
    if ((type === "0" || type === "") && path.split("/").at(-1) === name) return tar.subarray(from, from + size);
    at = from + Math.ceil(size / BLOCK) * BLOCK;
  }
  return undefined;
}

function textIn(header: Buffer, from: number, length: number): string {
  const field = header.subarray(from, from + length);
  const end = field.indexOf(0);
  return field.toString("latin1", 0, end === -1 ? length : end).trim();
}
