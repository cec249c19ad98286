/**
 * The ads that this reading of the file has met, by 64 bits of their ids: 16 to 32 bytes each, so that a file of a million rows is remembered
 * in under 40 MB. Two ads of one file are taken for one with a chance of 1 in 30 million at a million rows.
 */
export class SeenAds {
  #slots = new Uint32Array(2 * 4096);
  #count = 0;

  /** True for the first time. */
  add(ad: string): boolean {
    const bits = Buffer.from(ad, "base64url");
    const high = bits.readUInt32LE(0) || 1; // 0 marks a free slot
    const low = bits.readUInt32LE(4);
    if (this.#count * 4 > this.#slots.length) this.#grow();
    if (!put(this.#slots, high, low)) return false;
    this.#count++;
    return true;
  }

  #grow(): void {
    const larger = new Uint32Array(this.#slots.length * 2);
    for (let at = 0; at < this.#slots.length; at += 2) {
      const high = this.#slots[at] ?? 0;
      if (high !== 0) put(larger, high, this.#slots[at + 1] ?? 0);
    }
    this.#slots = larger;
  }
}

/** Open addressing; at most half full, so a free slot is near. */
const put = (slots: Uint32Array, high: number, low: number): boolean => {
  const mask = slots.length / 2 - 1;
  for (let slot = low & mask; ; slot = (slot + 1) & mask) {
    const found = slots[slot * 2];
    if (found === 0) {
      slots[slot * 2] = high;
      slots[slot * 2 + 1] = low;
      return true;
    }
    if (found === high && slots[slot * 2 + 1] === low) return false;
  }
};
