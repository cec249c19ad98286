import fc from "fast-check";
import { expect, test } from "vitest";
import { piecesOf } from "./uploads.ts";

async function* inChunks(file: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const size of sizes) {
    yield file.subarray(from, from + size);
    from += size;
  }
  if (from < file.length) yield file.subarray(from);
}

test("a file is cut in the same way however it arrives, and only its last piece says so", async () => {
  const file = fc.uint8Array({ maxLength: 300 });
  const sizes = fc.array(fc.integer({ min: 0, max: 70 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(file, sizes, fc.integer({ min: 1, max: 50 }), async (bytes, chunks, size) => {
      const pieces = await Array.fromAsync(piecesOf(inChunks(bytes, chunks), size));
      expect(Buffer.concat(pieces.map((piece) => piece.bytes)).equals(Buffer.from(bytes))).toBe(true);
      expect(pieces.map(({ last }) => last)).toEqual([...Array.from({ length: pieces.length - 1 }, () => false), true]);
      for (const piece of pieces.slice(0, -1)) expect(piece.bytes.length).toBe(size);
      expect(pieces.length).toBe(Math.max(1, Math.ceil(bytes.length / size)));
    }),
  );
});
