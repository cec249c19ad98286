/**
 * What an account reads and confirms before the legal basis "offer-to-buy" works; who confirmed it and when is recorded with this text.
 */
export const offerToBuyNotice = [
  "Writing to the owner of an ad in order to buy what they sell may or may not be prospecting in the eyes of the law; no ruling settles it.",
  "A telephone number in an ad is personal data. You must tell its owner who you are, why you write and where you found the number,",
  "stop at the first word that asks for it, and respect ads that refuse commercial contact.",
  "By confirming you say that you really want to buy, that you have taken advice where you needed it, and that you answer for these messages.",
].join(" ");
