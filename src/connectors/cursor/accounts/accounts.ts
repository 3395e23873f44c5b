import type { AccountManager } from "../../../baton/account.ts";
import { emailKey } from "../../../baton/email-address.ts";
import { createKeyedLock } from "../../../baton/keyed-lock.ts";
import { StatusError } from "../../../baton/status-error.ts";
import { createAccount } from "./create-account.ts";
import { deleteTarget } from "./delete-account.ts";
import type { AccountDeps } from "./deps.ts";
import { findTarget } from "./target.ts";

export interface AccountsDeps extends Omit<AccountDeps, "scim"> {
  /** The directory in use, asked for once per action: ids of one mean nobody, or somebody else, in another. */
  readonly scim: () => AccountDeps["scim"];
}

/**
 * Accounts of a Cursor team. People are created and deleted in the team's SCIM directory, which Cursor follows; members and
 * records of the directory have nothing in common but the e-mail address. One change per address at a time.
 */
export function createCursorAccounts(deps: AccountsDeps): AccountManager {
  const locks = createKeyedLock();
  const pinned = (): AccountDeps => ({ ...deps, scim: deps.scim() });
  return {
    validate: async (signal) => deps.scim().validate(signal),
    createAccount: (account, approve, signal) =>
      locks.run(emailKey(account.email), async () => createAccount(pinned(), account, approve, signal), signal),
    async deleteAccount({ resource }, approve, signal) {
      const first = await findTarget(deps, resource, signal);
      if (first === undefined) return { kind: "gone" };
      const key = emailKey(first.email);
      const work = async () => {
        // Who was waited for may have changed the very person.
        const target = await findTarget(deps, resource, signal);
        if (target === undefined) return { kind: "gone" } as const;
        if (emailKey(target.email) !== key) throw renamed(resource);
        return deleteTarget(pinned(), target, approve, signal);
      };
      return locks.run(key, work, signal);
    },
  };
}

function renamed(id: string): StatusError {
  return new StatusError(
    "unavailable",
    `the e-mail address of user ${JSON.stringify(id)} changed while it was looked at; nothing was changed: ask again`,
  );
}
