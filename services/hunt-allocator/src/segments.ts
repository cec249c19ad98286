/** How a text travels as SMS: GSM 03.38 with its extension table, or UCS-2 when one character is in neither. */
export interface Segments {
  readonly encoding: "GSM-7" | "UCS-2";
  /** Septets for GSM-7 (an extension character takes two), UTF-16 units for UCS-2. */
  readonly characters: number;
  readonly segments: number;
}

const basic = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
const extension = new Set("^{}\\[~]|€\f");

const gsm = { single: 160, joined: 153 };
const ucs2 = { single: 70, joined: 67 };

/** Neither an escape pair nor a surrogate pair is torn by the end of a segment. */
const count = (widths: readonly number[], { single, joined }: { readonly single: number; readonly joined: number }): number => {
  const total = widths.reduce((sum, width) => sum + width, 0);
  if (total <= single) return total === 0 ? 0 : 1;
  let segments = 1;
  let filled = 0;
  for (const width of widths) {
    if (filled + width > joined) {
      segments++;
      filled = 0;
    }
    filled += width;
  }
  return segments;
};

export const segmentsOf = (text: string): Segments => {
  const characters = [...text];
  const inGsm = characters.every((character) => basic.has(character) || extension.has(character));
  const widths = characters.map((character) => (inGsm ? (extension.has(character) ? 2 : 1) : character.length));
  return {
    encoding: inGsm ? "GSM-7" : "UCS-2",
    characters: widths.reduce((sum, width) => sum + width, 0),
    segments: count(widths, inGsm ? gsm : ucs2),
  };
};
