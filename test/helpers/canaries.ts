/**
 * Texts that must not be seen in anything the product gives out: secrets, named by whoever issues them, and the addresses of
 * people. One set for the whole test process.
 */

/** What of a text is not to be there, with the text in which each secret is replaced by its name. */
export interface Found {
  readonly what: string;
  readonly line: string;
}

/** So many characters in a row of a secret are a leak. */
const windowLength = 16;

interface Needle {
  readonly name: string;
  /** All of it has to be there; a window alone may be a coincidence. */
  readonly whole: string | undefined;
}

const needles = new Map<string, Needle[]>();
const addresses = new Set<string>();
const localParts = new Set<string>();

/**
 * From now on `value` is a secret that is called `name`: as it is and in base64, base64url, hexadecimal and percent-encoded,
 * any part of 16 characters. With `whole` only all of it counts, for secrets that begin alike. What is shorter than 16 characters is nothing
 * that could be looked for.
 */
export function seedSecret(name: string, value: string, { whole = false } = {}): void {
  for (const form of new Set([value, value.trim(), ...encodings(value.trim())])) {
    if (form.length < windowLength) continue;
    const last = whole ? 0 : form.length - windowLength;
    for (let at = 0; at <= last; at += 1) {
      const key = form.slice(at, at + windowLength);
      const known = needles.get(key) ?? [];
      const needle = { name, whole: whole ? form : undefined };
      if (!known.some((other) => other.whole === needle.whole)) needles.set(key, [...known, needle]);
    }
  }
}

/** From now on this is the address of a person. Those of the domains that are reserved for examples are known anyway. */
export function seedPerson(address: string): void {
  const normal = normalised(address);
  const [local = "", host] = normal.split("@");
  if (host === undefined) return;
  addresses.add(normal);
  // Short ones are words and names of other things as well.
  if (local.length >= 8 && /[.\d]/.test(local)) localParts.add(local);
}

/** Seeds every address in a value of any shape, and returns them. */
export function seedPeople(value: unknown): readonly string[] {
  const text = JSON.stringify(value, (_key, each) => (typeof each === "bigint" ? String(each) : each)) ?? "";
  const found = Array.from(text.matchAll(addressPattern), ([address]) => address);
  for (const address of found) seedPerson(address);
  return found;
}

/** Looks for everything that was seeded. `people: false` looks for secrets only. */
export function findCanaries(text: string, { people = true } = {}): Found[] {
  const found = findSecrets(text);
  const masked = found[0]?.line ?? text;
  if (!people) return found;
  const persons = new Set([...addressesIn(text), ...localPartsIn(text)]);
  return [...found, ...[...persons].map((person) => ({ what: `the person ${person}`, line: masked }))];
}

function findSecrets(text: string): Found[] {
  const names = new Set<string>();
  const covers: { readonly from: number; readonly to: number; readonly name: string }[] = [];
  for (let at = 0; at + windowLength <= text.length && needles.size > 0; at += 1) {
    const hit = needles.get(text.slice(at, at + windowLength))?.find(({ whole }) => text.startsWith(whole ?? "", at));
    if (hit === undefined) continue;
    names.add(hit.name);
    covers.push({ from: at, to: at + (hit.whole?.length ?? windowLength), name: hit.name });
  }
  let line = "";
  let shownTo = 0;
  for (const { from, name, to } of covers) {
    if (from > shownTo || line === "") line += `${text.slice(shownTo, from)}<${name}>`;
    shownTo = Math.max(shownTo, to);
  }
  line += text.slice(shownTo);
  return [...names].map((name) => ({ what: `the secret "${name}"`, line }));
}

function encodings(value: string): string[] {
  const bytes = Buffer.from(value);
  const inBase64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    // Neither the characters that depend on what stands before it nor those on what follows.
    return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
  });
  const inBase64url = inBase64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"));
  return [...inBase64, ...inBase64url, bytes.toString("hex"), encodeURIComponent(value)];
}

const addressPattern = /[^\s"'`<>()[\]{},;:\\=/|?&@]+@[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?/gu;
/** RFC 2606. */
const reservedHost = /(?:^|\.)(?:example\.(?:com|net|org)|example|test|invalid)$/;

/** Addresses as they are, percent-encoded, escaped for JSON or HTML, and inside of base64. */
function addressesIn(text: string): string[] {
  const plain = text.replaceAll(/\\u0040|&#64;|&#x40;|&commat;/gi, "@");
  const percent = Array.from(text.matchAll(/[^\s"'<>=&?/]+%40[^\s"'<>&?/]+/gi), ([part]) => decoded(part));
  const base64 = Array.from(text.matchAll(/[A-Za-z0-9+/_-]{16,}={0,2}/g), ([part]) =>
    Buffer.from(part, "base64").toString(),
  );
  return [plain, ...percent, ...base64].flatMap((each) =>
    Array.from(each.matchAll(addressPattern), ([address]) => normalised(address)).filter(isPerson),
  );
}

function isPerson(address: string): boolean {
  return addresses.has(address) || reservedHost.test(address.split("@")[1] ?? "");
}

function localPartsIn(text: string): string[] {
  if (localParts.size === 0) return [];
  return Array.from(text.matchAll(/[\p{L}\p{N}][^\s"'`<>()[\]{},;:\\=/|?&@%]{7,}/gu), ([word]) =>
    normalised(word),
  ).filter((word) => localParts.has(word));
}

function normalised(address: string): string {
  return address.normalize("NFC").toLowerCase();
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
