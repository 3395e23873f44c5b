/** One row of `GET /teams/members` as Cursor documents it today. */
export interface MemberRow {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: string;
  readonly isRemoved: boolean;
}

/** How large a made-up team is. The same numbers always give the same people. */
export interface TeamSize {
  readonly active: number;
  readonly removed?: number;
}

const firstNames = ["Ada", "Bao", "Chidi", "Dóra", "Emil", "Fatima", "Grace", "Hiro", "Ines", "Jorge", "Kofi", "Lena"];
const lastNames = ["Byron", "Nguyen", "Okafor", "Silva", "Novák", "Haddad", "Hopper", "Tanaka", "Costa", "Ruiz"];
const idAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The people of a made-up team from index `from` on, one at a time; the first is an owner, the second a free owner, the last ones are removed. */
export function* makeTeam({ active, removed = 0 }: TeamSize, from = 0): Generator<MemberRow> {
  for (let index = from; index < active + removed; index += 1) yield makeMember(index, index >= active);
}

function makeMember(index: number, isRemoved: boolean): MemberRow {
  const first = firstNames[index % firstNames.length] ?? "";
  const last = lastNames[Math.floor(index / 7) % lastNames.length] ?? "";
  const plain = `${first}.${last}`
    .normalize("NFD")
    .replace(/[^A-Za-z.]/g, "")
    .toLowerCase();
  return {
    id: `user_${makeId(index)}`,
    name: `${first} ${last}`,
    email: `${plain}.${index}@example.com`,
    role: isRemoved ? "removed" : roleOf(index),
    isRemoved,
  };
}

function roleOf(index: number): string {
  if (index % 500 === 0) return "owner";
  return index === 1 ? "free-owner" : "member";
}

/** 26 characters that look random and are unique per index (a multiplicative hash, stretched by a linear generator). */
function makeId(index: number): string {
  let state = (Math.imul(index + 1, 0x9e3779b1) ^ 0x5bd1e995) >>> 0;
  let text = "";
  for (let at = 0; at < 19; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += idAlphabet[state >>> 27];
  }
  return text + index.toString(32).toUpperCase().padStart(7, "0");
}
