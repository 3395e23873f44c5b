import type { AccountManager } from "../../../baton/account.ts";
import { emailKey } from "../../../baton/email-address.ts";
import { createKeyedLock } from "../../../baton/keyed-lock.ts";
import { createAccount } from "./create-account.ts";
import { deleteTarget, findTarget } from "./delete-account.ts";
import type { AccountDeps } from "./deps.ts";

/**
 * Accounts of a Cursor team. People are created and deleted in the team's SCIM directory, which Cursor follows; members and
 * records of the directory have nothing in common but the e-mail address. One change per address at a time.
 */
export function createCursorAccounts(deps: AccountDeps): AccountManager {
  const locks = createKeyedLock();
  return {
    validate: (signal) => deps.scim.validate(signal),
    createAccount: (account, approve, signal) =>
      locks.run(emailKey(account.email), () => createAccount(deps, account, approve, signal), signal),
    async deleteAccount({ resource }, approve, signal) {
      const target = await findTarget(deps, resource, signal);
      if (target === undefined) return { kind: "gone" };
      return locks.run(emailKey(target.email), () => deleteTarget(deps, target, approve, signal), signal);
    },
  };
}
