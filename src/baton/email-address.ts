/** A dot-atom of RFC 5322 section 3.2.3, letters beyond ASCII included, then host labels of letters, digits and inner hyphens. */
const address =
  /^[\w!#$%&'*+/=?^`{|}~\u0080-\uFFFF-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u0080-\uFFFF-]+)*@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/;
const longLabel = /[@.][^.@]{64}/;

/**
 * Whether C1's validation accepts a text as an e-mail address (protoc-gen-validate's `email` rule): one plain address, at
 * most 254 bytes, 64 before the `@`, and a host name whose labels have at most 63 letters, digits or inner hyphens. Quoted
 * local parts are refused, although that rule would let them through.
 */
export function isEmailAddress(text: string): boolean {
  if (!address.test(text)) return false;
  const at = text.indexOf("@");
  const localBytes = Buffer.byteLength(text.slice(0, at));
  return localBytes <= 64 && localBytes + text.length - at <= 254 && !longLabel.test(text.slice(at));
}

/** The key under which e-mail addresses are compared: without case, composed, trimmed; dots and tags stay. */
export function emailKey(email: string): string {
  return email.trim().toLowerCase().normalize("NFC");
}

/** An id for a message about somebody else than C1 asked about: withheld when it holds an e-mail address. */
export function shownId(id: string): string {
  return id.includes("@") ? "(an id that holds an e-mail address)" : JSON.stringify(id);
}
