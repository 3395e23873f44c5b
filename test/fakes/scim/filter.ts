import { Refusal, violation } from "./refusal.ts";
import type { ScimFilterForm, ScimQuirks, ScimRecord } from "./types.ts";

const grammar = /^(?:(userName|emails\.value) eq ("(?:[^"\\]|\\.)*")|emails\[value eq ("(?:[^"\\]|\\.)*")\])$/;

/** Reads a filter (RFC 7644 section 3.4.2.2, the three forms that are in use) and says whom it finds. */
export function parseFilter(text: string, quirks: ScimQuirks): (record: ScimRecord) => boolean {
  const match = grammar.exec(text);
  if (match === null) throw violation(`the filter is none of the known forms: ${text}`, "invalidFilter");
  const form: ScimFilterForm = match[1] === "userName" || match[1] === "emails.value" ? match[1] : "emails[value]";
  const literal = match[2] ?? match[3] ?? "";
  const wanted = jsonString(literal);
  // A space is what becomes of a plus sign that was not encoded.
  if (/\s/.test(wanted)) throw violation(`the filter looks for a name with a space in it: ${text}`, "invalidFilter");
  if (concerns(quirks.filters501, form)) throw new Refusal(501, "this server has no filters");
  if (concerns(quirks.filtersRefused, form)) throw new Refusal(400, `no filter by ${form} here`, "invalidFilter");
  if (quirks.rejectsEscapedQuotes === true && literal.includes('\\"'))
    throw new Refusal(400, "unexpected token in filter", "invalidFilter");
  if (quirks.filtersIgnored === true) return () => true;
  const fold = (value: string): string => (quirks.filterCaseSensitive === true ? value : value.toLowerCase());
  return (record) => {
    const values = form === "userName" ? [record.userName] : record.emails.map(({ value }) => value);
    return values.some((value) => fold(value) === fold(wanted));
  };
}

function concerns(quirk: true | readonly ScimFilterForm[] | undefined, form: ScimFilterForm): boolean {
  return quirk === true || (quirk?.includes(form) ?? false);
}

function jsonString(literal: string): string {
  try {
    return String(JSON.parse(literal));
  } catch {
    throw violation(`the value of the filter is no JSON string: ${literal}`, "invalidFilter");
  }
}
