/** One rule of a Role (rbac.authorization.k8s.io/v1), as the chart renders it. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

export interface Role {
  readonly rules: readonly PolicyRule[];
}

/** What somebody wants to do. */
export interface Attempt {
  readonly group: string;
  readonly resource: string;
  /** Unknown when something is created. */
  readonly name: string | undefined;
  readonly verb: string;
}

/**
 * Whether a rule of the role allows it, as Kubernetes judges it: a rule with names never allows what has no name yet.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
 */
export function allows(role: Role, { group, resource, name, verb }: Attempt): boolean {
  const has = (list: readonly string[], value: string): boolean => list.includes("*") || list.includes(value);
  return role.rules.some(
    (rule) =>
      has(rule.apiGroups, group) &&
      has(rule.resources, resource) &&
      has(rule.verbs, verb) &&
      (rule.resourceNames === undefined ||
        rule.resourceNames.length === 0 ||
        (name !== undefined && rule.resourceNames.includes(name))),
  );
}
