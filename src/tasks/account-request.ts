import type { AccountInfo, NewAccount } from "../baton/account.ts";
import { isEmailAddress } from "../baton/email-address.ts";
import { StatusError } from "../baton/status-error.ts";

/** A name is for people to read; longer ones are cut, in UTF-16 units. */
const maxNameUnits = 256;

/**
 * Throws `invalid_argument` for what C1's own rules forbid (c1.connector.v2.AccountInfo: each of `emails` is one valid
 * address). `index` counts from 0.
 */
export function checkAccountInfo({ emails }: AccountInfo): void {
  const index = emails.findIndex(({ address }) => !isEmailAddress(address.trim()));
  if (index === -1) return;
  throw invalid(`entry ${index} of the account's e-mail addresses is not one plain, valid address`);
}

/**
 * The person to be given an account: the primary e-mail address, else the first, else the form's, else a login that is one;
 * the names of the form, else the display name cut at its first blank, else what stands before the `@`. Throws
 * `invalid_argument` when there is no usable address.
 */
export function readNewAccount(info: AccountInfo): NewAccount {
  const email = readEmail(info);
  const profile = (...keys: readonly string[]) =>
    keys.map((key) => clean(info.profile[key])).find((name) => name !== "");
  const displayName = profile("display_name", "name") ?? "";
  const gap = displayName.search(/\s/);
  const given = profile("first_name", "given_name");
  const family = profile("last_name", "family_name");
  if (given !== undefined || family !== undefined) {
    return { email, givenName: given ?? family ?? "", familyName: given === undefined ? "" : (family ?? "") };
  }
  return {
    email,
    givenName:
      displayName === "" ? email.slice(0, email.indexOf("@")) : displayName.slice(0, gap === -1 ? undefined : gap),
    familyName: gap === -1 ? "" : displayName.slice(gap).trim(),
  };
}

function readEmail({ emails, login, profile }: AccountInfo): string {
  const listed = emails.find(({ primary }) => primary) ?? emails[0];
  const asked = listed?.address.trim() ?? clean(profile["email"]);
  const email = asked === "" && isEmailAddress(login.trim()) ? login.trim() : asked;
  if (email === "") {
    throw invalid("the account has no e-mail address: fill in the field email of the form, which Cursor accounts need");
  }
  // C1's rule lets characters through that nobody sees; two addresses that look alike must not be two people.
  if (!isEmailAddress(email) || /[\p{Cc}\p{Cf}\p{Z}]/u.test(email)) {
    throw invalid("the account's e-mail address is not one plain, valid address: correct the field email of the form");
  }
  return email;
}

function clean(value: unknown): string {
  if (typeof value !== "string") return "";
  const line = value
    .toWellFormed()
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
  // Half a surrogate pair is no text.
  return line
    .slice(0, maxNameUnits)
    .replace(/[\uD800-\uDBFF]$/, "")
    .trimEnd();
}

function invalid(message: string): StatusError {
  return new StatusError("invalid_argument", message);
}
