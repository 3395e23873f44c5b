/** Members of the products that are not played, and why. */
export interface Exclusion {
  /** Tried on the whole id. */
  readonly ids: RegExp;
  readonly reason: string;
}

export const exclusions: readonly Exclusion[] = [
  {
    ids: /^UploadAsset:sync:at-last-chunk:ok-too-early$/,
    reason: "the client has sent eof by then, and an OK that comes after eof is one that it must believe",
  },
  {
    ids: /^DELETE_\/Users\/\{id\}:delete:mid-answer:/,
    reason: "the answer is a 204, which has no body that could break off or come slowly",
  },
];
