import { emailKey } from "../baton/email-address.ts";
import { type PagingOptions, readPage } from "./paging.ts";
import { answersTo, type ScimUser, type UserPage } from "./schema.ts";

export type FormName = "userName" | "emails" | "emails-value-path";

/** A way to ask for an e-mail address (RFC 7644 section 3.4.2.2). */
export interface FilterForm {
  readonly name: FormName;
  /** Asked only where this one is refused. */
  readonly insteadOf?: FormName;
  /** The filter, with the value as a JSON string. */
  write(email: string): string;
}

export const filterForms: readonly FilterForm[] = [
  { name: "userName", write: (email) => `userName eq ${JSON.stringify(email)}` },
  { name: "emails", write: (email) => `emails.value eq ${JSON.stringify(email)}` },
  {
    name: "emails-value-path",
    insteadOf: "emails",
    write: (email) => `emails[value eq ${JSON.stringify(email)}]`,
  },
];

/**
 * Whether the server's filters can be trusted when they find nobody. It is tried out once: some user's name and address, with
 * upper and lower case swapped, must find exactly that user. Without that, a directory of ten thousand people would have to be
 * read for each new one.
 */
export interface FilterProof {
  /** For addresses in ASCII; what the server makes of other letters is not tried. Rejects as the calls do; then it is tried again the next time. */
  holds(signal: AbortSignal): Promise<boolean>;
  /** The same; `undefined` when there were too few users to try it out. */
  verdict(signal: AbortSignal): Promise<boolean | undefined>;
}

/** `ask` gives the first page for a filter, `undefined` when the filter is refused. */
export function createFilterProof(
  ask: (filter: string, signal: AbortSignal) => Promise<UserPage | undefined>,
  paging: Pick<PagingOptions, "calls" | "names" | "pageSize">,
): FilterProof {
  let proven: boolean | undefined;

  /** `undefined` when the filter is refused. */
  async function finds(
    name: FormName,
    text: string,
    sample: ScimUser,
    signal: AbortSignal,
  ): Promise<boolean | undefined> {
    const form = filterForms.find((each) => each.name === name);
    const page = form === undefined ? undefined : await ask(form.write(swapCase(text)), signal);
    if (page === undefined) return undefined;
    // A server that ignores the filter sends others as well.
    const key = emailKey(text);
    return page.users.some(({ id }) => id === sample.id) && page.users.every((user) => answersTo(user, key));
  }

  async function tryOut(signal: AbortSignal): Promise<boolean | undefined> {
    const { users } = await readPage(paging, { startIndex: 1, count: await paging.pageSize(signal) }, signal);
    const samples = users.flatMap((user) => user.emails.filter(hasCase).map((email) => ({ user, email })));
    const sample = samples.find(({ user }) => hasCase(user.userName));
    // With one user a server that ignores filters could not be told from one that does not.
    if (sample === undefined || users.length < 2) return undefined;
    const { email, user } = sample;
    if ((await finds("userName", user.userName, user, signal)) !== true) return false;
    const found =
      (await finds("emails", email, user, signal)) ?? (await finds("emails-value-path", email, user, signal));
    return found === true;
  }

  async function verdict(signal: AbortSignal): Promise<boolean | undefined> {
    proven ??= await tryOut(signal);
    return proven;
  }

  return { verdict, holds: async (signal) => (await verdict(signal)) === true };
}

function hasCase(text: string): boolean {
  return swapCase(text) !== text;
}

function swapCase(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => {
    const upper = letter.toUpperCase();
    return letter === upper ? letter.toLowerCase() : upper;
  });
}
