/** Longer texts are not looked at further: what is shown comes from their beginning. */
const readUnits = 4096;

/**
 * A sentence from an upstream made fit for one line of an error message: white space and control characters become single
 * blanks, whatever looks like an e-mail address or a credential is withheld, and the rest is cut to `maxUnits` UTF-16 units.
 */
export function cleanText(text: string, maxUnits: number): string {
  const line = text
    .slice(0, readUnits)
    .toWellFormed()
    // Invisible as others, but white space for a regular expression.
    .replaceAll("\ufeff", "\u200b")
    .replace(/\s+/gu, " ")
    .replace(/\S*@\S*/g, "[e-mail]")
    // Long runs without blanks are keys, tokens or ids; no word is as long. What nobody sees may stand within them.
    .replace(/(?:[A-Za-z0-9_+/=-]\p{C}*){24,}/gu, "[withheld]")
    .replace(/[\s\p{C}]+/gu, " ")
    .trim();
  return line.length <= maxUnits ? line : `${line.slice(0, maxUnits - 1).toWellFormed()}…`;
}
