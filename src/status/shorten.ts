/** At most `most` characters. Texts are cleaned before, because half a secret is not recognised as one. */
export function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
