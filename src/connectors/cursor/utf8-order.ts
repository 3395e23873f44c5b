const surrogate = /[\uD800-\uDFFF]/;

/**
 * Compares two well-formed texts as their UTF-8 bytes compare, which is how SQLite orders them (collation BINARY).
 * JavaScript's `<` compares UTF-16 units: the same, except that it puts characters beyond U+FFFF before U+E000 to U+FFFF.
 */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const difference = rank(a.charCodeAt(at)) - rank(b.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Moves surrogates behind all other units. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/**
 * Sorts in place, and stably, by a text of each item in the order of `compareUtf8`. Returns whether any two texts are equal:
 * neighbours in the sorted order have been compared, so no second pass is needed to know.
 */
export function sortUtf8<T>(items: T[], textOf: (item: T) => string): boolean {
  // V8 compares texts far faster than a loop does, so the loop is for texts that need it.
  const compare = items.some((item) => surrogate.test(textOf(item))) ? compareUtf8 : compareUnits;
  let ties = false;
  items.sort((a, b) => {
    const difference = compare(textOf(a), textOf(b));
    if (difference === 0) ties = true;
    return difference;
  });
  return ties;
}

function compareUnits(a: string, b: string): number {
  if (a < b) return -1;
  return a === b ? 0 : 1;
}
