import { emailKey } from "../baton/email-address.ts";
import { type PagingOptions, readPage } from "./paging.ts";
import { answersTo, type ScimUser, type UserPage } from "./schema.ts";

type FormName = "userName" | "emails" | "emails-value-path";

/** A way to ask for an e-mail address (RFC 7644 section 3.4.2.2). */
export interface FilterForm {
  readonly name: FormName;
  /** Asked only where this one was refused. */
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
  /** Rejects as the calls do; then it is tried again the next time. */
  holds(signal: AbortSignal): Promise<boolean>;
  refused(form: FormName): void;
  isRefused(form: FormName): boolean;
}

/** `ask` gives the first page for a filter, `undefined` when the filter is refused. */
export function createFilterProof(
  ask: (filter: string, signal: AbortSignal) => Promise<UserPage | undefined>,
  paging: Pick<PagingOptions, "calls" | "names">,
): FilterProof {
  const refusedForms = new Set<FormName>();
  let proven: boolean | undefined;

  async function finds(form: FormName, text: string, sample: ScimUser, signal: AbortSignal): Promise<boolean> {
    const filter = filterForms.find(({ name }) => name === form);
    const swapped = swapCase(text);
    if (filter === undefined || swapped === text || refusedForms.has(form)) return false;
    const page = await ask(filter.write(swapped), signal);
    if (page === undefined || page.users.length === 0) return false;
    // A server that ignores the filter sends others as well.
    const key = emailKey(text);
    return page.users.some(({ id }) => id === sample.id) && page.users.every((user) => answersTo(user, key));
  }

  async function tryOut(signal: AbortSignal): Promise<boolean | undefined> {
    const { users } = await readPage(paging, { startIndex: 1, count: 2 }, signal);
    // With one user a server that ignores filters could not be told from one that does not.
    const [sample, other] = users;
    if (sample === undefined || other === undefined) return undefined;
    const email = sample.emails[0] ?? "";
    if (!(await finds("userName", sample.userName, sample, signal))) return false;
    const form = refusedForms.has("emails") ? "emails-value-path" : "emails";
    return finds(form, email, sample, signal);
  }

  return {
    async holds(signal) {
      proven ??= await tryOut(signal);
      return proven === true;
    },
    refused: (form) => void refusedForms.add(form),
    isRefused: (form) => refusedForms.has(form),
  };
}

function swapCase(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => {
    const upper = letter.toUpperCase();
    return letter === upper ? letter.toLowerCase() : upper;
  });
}
