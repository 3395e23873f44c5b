import type { CursorServer, MemberView, RemovalDelay } from "./cursor-server.ts";
import type { ScimFake, ScimRecord } from "./scim-server.ts";

/** Cursor that follows its directory. Disposing ends that. */
export interface DirectoryLink extends Disposable {
  /** Records that have gone or were deactivated, and that Cursor has not followed yet. */
  readonly pending: readonly ScimRecord[];
  /** Lets Cursor follow what is pending, except people who are active in the directory again. */
  apply(): void;
  /**
   * The first sign-in of somebody in the directory, which is what makes them a member. Throws when the directory has no active
   * user with this e-mail.
   */
  signIn(email: string): MemberView;
}

export interface LinkOptions {
  /** "manual": Cursor follows when `apply` is called. Default: "at once". */
  readonly delay?: RemovalDelay;
}

/** Marks the members removed whose directory users are deleted or deactivated, whoever does that. A new user is no member. */
export function linkDirectory(cursor: CursorServer, scim: ScimFake, options: LinkOptions = {}): DirectoryLink {
  const pending: ScimRecord[] = [];
  const active = (email: string): ScimRecord | undefined =>
    scim.records.find((record) => record.active && addresses(record).includes(email.toLowerCase()));
  const apply = (): void => {
    for (const record of pending.splice(0))
      for (const email of addresses(record)) if (active(email) === undefined) cursor.markRemoved(email);
  };
  const end = scim.onChange(({ kind, record }) => {
    if (kind === "created" || (kind === "patched" && record.active)) return;
    pending.push(record);
    if (options.delay !== "manual") apply();
  });
  return {
    pending,
    apply,
    signIn(email) {
      const record = active(email);
      if (record === undefined) throw new Error(`${email} is not active in the directory and cannot sign in`);
      const { givenName = "", familyName = "" } = record.name;
      return cursor.signIn(email, `${givenName} ${familyName}`.trim());
    },
    [Symbol.dispose]: end,
  };
}

/** Every address of a user, lower-cased; the two stores are joined by nothing else. */
function addresses({ userName, emails }: ScimRecord): string[] {
  return [...new Set([userName, ...emails.map(({ value }) => value)].map((each) => each.toLowerCase()))];
}
