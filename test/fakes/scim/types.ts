import type { IssuedCertificate } from "../../helpers/tls.ts";
import type { FaultAnswer, ImproviseFault } from "../fault-answer.ts";

export interface ScimEmail {
  readonly value: string;
  readonly primary?: boolean;
  readonly type?: string;
}

export interface ScimName {
  readonly givenName?: string;
  readonly familyName?: string;
  readonly formatted?: string;
}

/** One user of the directory as it is now. */
export interface ScimRecord {
  readonly id: string;
  readonly userName: string;
  readonly active: boolean;
  readonly emails: readonly ScimEmail[];
  readonly name: ScimName;
}

/** A user to start with. A string is an e-mail address that is also the user name. */
export type ScimSeed =
  | string
  | {
      readonly id?: string;
      readonly userName: string;
      /** Default: true. */
      readonly active?: boolean;
      /** Default: the user name, primary. */
      readonly emails?: readonly ScimEmail[];
      readonly name?: ScimName;
      /** Read-only, as SCIM has it. */
      readonly groups?: readonly unknown[];
      /** Attributes that somebody else looks after; a PUT has to keep them. */
      readonly extra?: Readonly<Record<string, unknown>>;
    };

/** What may be changed of a user from outside. */
export type ScimEdit = Partial<Omit<ScimRecord, "id">>;

/** A write that a request brought about, in the order in which they happened. A PUT counts as "patched". */
export interface ScimEffect {
  readonly kind: "created" | "patched" | "deleted";
  readonly id: string;
  readonly userName: string;
}

/** A write of any origin. A deleted record is shown as it was last. */
export interface ScimChange {
  readonly kind: ScimEffect["kind"];
  readonly record: ScimRecord;
}

/** One request that reached the server. */
export interface ScimRequest {
  /** Milliseconds on a clock that never jumps. */
  readonly atMs: number;
  readonly method: string;
  /** Behind the base path, percent-encoded as it came ("/Users/1"); the whole path where it is outside. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** The body as parsed JSON, as text where it is none, `undefined` where there was none. */
  readonly body: unknown;
  readonly hasAuthorization: boolean;
  /** The bearer token that it carried, right or not. */
  readonly token: string | undefined;
  readonly contentType: string | undefined;
  readonly accept: string | undefined;
  readonly ifMatch: string | undefined;
  readonly userAgent: string | undefined;
  /** What was answered; `undefined` while nothing was. */
  readonly status: number | undefined;
  /** The scripted answer that it got. */
  readonly fault: FaultAnswer | undefined;
  /** Whether everything that it says has happened. */
  readonly played: boolean;
}

/** The forms of filter that the server knows. */
export type ScimFilterForm = "userName" | "emails.value" | "emails[value]";

/** What `/ServiceProviderConfig` says; it need not be true. */
export interface ScimClaims {
  /** Default: true unless `patchUnsupported`. */
  readonly patch?: boolean;
  /** Default: `etagSupported`. */
  readonly etag?: boolean;
  /** `filter.maxResults`. Default: 200. */
  readonly maxResults?: number;
  /** Answers this error instead. */
  readonly status?: number;
}

/** Ways in which the server is unlike the RFC. Absent means: as in the RFC. */
export interface ScimQuirks {
  readonly claims?: ScimClaims;
  /** A filter is not looked at: everybody comes back. */
  readonly filtersIgnored?: boolean;
  readonly filterCaseSensitive?: boolean;
  /** 400 invalidFilter, for all filters or for some forms. */
  readonly filtersRefused?: true | readonly ScimFilterForm[];
  /** 501, for all filters or for some forms. */
  readonly filters501?: true | readonly ScimFilterForm[];
  /** 400 invalidFilter when the value has an escaped quote. */
  readonly rejectsEscapedQuotes?: boolean;
  /** No page is longer than this, whatever `count` says. */
  readonly capPage?: number;
  /** Every list is the whole list. */
  readonly ignoresPaging?: boolean;
  /** Past the end the whole list comes again. */
  readonly repeatsPastEnd?: boolean;
  readonly totalResultsIsPageLength?: boolean;
  readonly wrongItemsPerPage?: boolean;
  /** A page that begins past the end is refused (422). */
  readonly refusesPastEnd?: boolean;
  /** Lists also offer `nextCursor` (RFC 9865, section 2) where there is more. */
  readonly offersCursor?: boolean;
  /** 400 tooMany where more than this many are found, whatever `count` says. */
  readonly tooManyAbove?: number;
  /** `Resources` is left out where nobody is found. */
  readonly omitsEmptyResources?: boolean;
  /** Answer to a user name that is taken. Default: 409. */
  readonly duplicateStatus?: 409 | 400 | 500;
  readonly duplicateWithoutScimType?: boolean;
  /** User names that are taken but appear in no list and under no id. */
  readonly hiddenUsers?: readonly string[];
  /** Errors are plain text. */
  readonly plainTextErrors?: boolean;
  /** Errors are labelled application/json. */
  readonly errorsAsJson?: boolean;
  /** Creating answers 200, and changes the user where there is one with this name. */
  readonly upsert200?: boolean;
  /** Creating answers without a body. */
  readonly emptyCreateBody?: boolean;
  /** `Location` and `meta.location` are paths. */
  readonly relativeLocation?: boolean;
  /** Creating answers without `Location`. */
  readonly noLocation?: boolean;
  readonly lowerCasesUserName?: boolean;
  readonly deleteForbidden?: 405 | 501 | 403;
  /** DELETE sets `active` to false; the user stays. */
  readonly deactivateOnDelete?: boolean;
  /** Setting `active` to false deletes the user. */
  readonly deletesInactive?: boolean;
  readonly patchUnsupported?: 405 | 501;
  /** A PATCH with `path` answers 400 invalidPath. */
  readonly patchNeedsNoPath?: boolean;
  /** PATCH answers 204 without a body. */
  readonly patch204?: boolean;
  /** `active` is sent as "True" or "False". */
  readonly activeAsString?: boolean;
  /** ETag and `meta.version` are sent and If-Match is checked (412). */
  readonly etagSupported?: boolean;
  /** An ETag of the body is sent although If-Match means nothing here. */
  readonly bodyHashEtag?: boolean;
}

/** Looked at by tests that act in the middle of a request. */
export type ScimHook = (
  request: ScimRequest,
  phase: "received" | "done",
) => undefined | "drop" | Promise<undefined | "drop">;

export interface ScimOptions {
  /** The token that is accepted. */
  readonly token?: string;
  /** Last part of the base path. */
  readonly directoryId?: string;
  readonly users?: readonly ScimSeed[];
  readonly quirks?: ScimQuirks;
  /** False takes application/json and application/scim+json alike. Default: only the latter (415). */
  readonly strictContentType?: boolean;
  /** Takes bodies of application/json only (415 otherwise). */
  readonly acceptOnlyJson?: boolean;
  /** Serves TLS on `localhost`. */
  readonly certificate?: IssuedCertificate;
  /** Faults for requests that no script is about. */
  readonly improvise?: ImproviseFault;
  /**
   * Awaited before the work and, with "done", between the work and the answer. "drop" closes the connection there; after
   * "received" nothing is done then.
   */
  readonly onRequest?: ScimHook;
}

export type ScimAnswer = FaultAnswer;

/** A running SCIM 2.0 directory of users that takes nothing but what a careful client sends. */
export interface ScimFake extends AsyncDisposable {
  /** What a client is configured with: `http://127.0.0.1:port/scim/v2/<directory id>`. */
  readonly endpoint: string;
  /** The same without the path. */
  readonly url: string;
  readonly token: string;
  /** The store itself: always as it is now, in the order of creation. */
  readonly records: readonly ScimRecord[];
  /** What requests have changed. Seeds and changes from outside are not here. */
  readonly effects: readonly ScimEffect[];
  readonly requests: readonly ScimRequest[];
  /** What a careful client would not have sent. A test asserts that this is empty. */
  readonly violations: readonly string[];
  /** Requests that are being worked on. */
  readonly inFlight: { readonly now: number; readonly max: number };
  /** Adds users as they are, also twice the same. */
  seed(...users: readonly ScimSeed[]): readonly ScimRecord[];
  /** A change by somebody else; it makes a new version. Throws when there is no such id. */
  edit(id: string, changes: ScimEdit): void;
  /** A deletion by somebody else. Throws when there is no such id. */
  remove(id: string): void;
  /** Replaces all quirks. */
  setQuirks(quirks: ScimQuirks): void;
  /** From now on only this token is accepted, or only these. */
  setToken(...tokens: readonly string[]): void;
  setOnRequest(hook: ScimHook | undefined): void;
  /** Lays out how the next requests are answered; what was laid out before comes first. */
  script(...answers: readonly ScimAnswer[]): void;
  /** Forgets what is left of the script. */
  clearScript(): void;
  /** Tells of every write of any origin; returns what ends it. */
  onChange(listener: (change: ScimChange) => void): () => void;
}
