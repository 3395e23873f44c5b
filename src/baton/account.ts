import type { ResourceId, UserResource } from "./resource.ts";

/** What C1 says about an account to be made (c1.connector.v2.AccountInfo); every part may be empty. */
export interface AccountInfo {
  readonly emails: readonly { readonly address: string; readonly primary: boolean }[];
  readonly login: string;
  /** The filled-in form, by the keys of `ConnectorMetadata.accountFields`, and whatever else C1 sent. */
  readonly profile: Readonly<Record<string, unknown>>;
}

/** How C1 wants the new person to sign in (the arm of c1.connector.v2.CredentialOptions). */
export type CredentialChoice = "absent" | "empty" | "random_password" | "no_password" | "sso" | "encrypted_password";

/** A person to be given an account. */
export interface NewAccount {
  /** One plain address that C1's own validation accepts. */
  readonly email: string;
  /** Never empty. */
  readonly givenName: string;
  /** May be empty. */
  readonly familyName: string;
}

/**
 * How the creation of an account ended. `in_progress`: the person has an account where accounts are made, and will appear
 * upstream later. `declined`: `approve` said no, nothing was changed.
 */
export type AccountCreation =
  | { readonly kind: "success" | "already_exists"; readonly resource: UserResource }
  | { readonly kind: "in_progress" }
  | { readonly kind: "declined" };

/**
 * How the deletion of an account ended. `gone`: there was nothing to delete. `unconfirmed`: the change was accepted, but a
 * look right after still found the account. `declined`: `approve` said no, nothing was changed.
 */
export type AccountDeletion = { readonly kind: "deleted" | "deactivated" | "unconfirmed" | "gone" | "declined" };

/** One change that is about to be made, with everything looked up and checked. */
export interface PlannedChange {
  readonly action: "create" | "reactivate" | "delete" | "remove";
  /** Whom it is done to, as an operator at a terminal is shown it. */
  readonly person: {
    readonly email: string;
    readonly name: string;
    readonly role: string;
    readonly resourceId: string | undefined;
  };
  /** The record in the directory, where there is one. */
  readonly directoryId: string | undefined;
}

/**
 * Asked right before a change. `false` ends the action with `declined`; what it throws ends it too. Nothing has been changed
 * in either case.
 */
export type Approve = (change: PlannedChange, signal: AbortSignal) => Promise<boolean>;

/** Creates and deletes accounts upstream. */
export interface AccountManager {
  /**
   * Gives a person an account; asked again for the same person it changes nothing. Throws a StatusError that says what to
   * do; an unclear failure is looked into before it is reported. On abort it may have been carried out or not.
   */
  createAccount(account: NewAccount, approve: Approve, signal: AbortSignal): Promise<AccountCreation>;
  /**
   * Takes the account of exactly this resource away. Throws a StatusError: `failed_precondition` where it must not be done,
   * `unavailable` where it could not be found out. On abort it may have been carried out or not.
   */
  deleteAccount(id: ResourceId, approve: Approve, signal: AbortSignal): Promise<AccountDeletion>;
  /** Proves that accounts could be created, without changing anything. Throws a StatusError that says what is wrong. */
  validate(signal: AbortSignal): Promise<void>;
}
