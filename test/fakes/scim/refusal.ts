/** An error answer. */
export class Refusal extends Error {
  readonly status: number;
  readonly scimType: string | undefined;
  /** True when a careful client would not have come here. */
  readonly violation: boolean;

  constructor(status: number, detail: string, scimType?: string, violation = false) {
    super(detail);
    this.status = status;
    this.scimType = scimType;
    this.violation = violation;
  }
}

/** Refuses what no careful client sends. */
export function violation(detail: string, scimType = "invalidValue", status = 400): Refusal {
  return new Refusal(status, detail, scimType, true);
}
