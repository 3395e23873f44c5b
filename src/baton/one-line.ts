/**
 * A text from outside on one line: names, paths and values may hold anything, a message is one line, and a terminal obeys
 * control characters.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ");
}
