/** What a request is about. */
export interface Target {
  readonly group: string;
  readonly resource: string;
  readonly name: string | undefined;
  readonly verb: string;
}

const verbs: Readonly<Record<string, string>> = { PUT: "update", POST: "create", PATCH: "patch", DELETE: "delete" };

/** The object of a namespaced path and the verb as roles call it; `undefined` for other namespaces and other paths. */
export function findTarget(method: string, url: string, namespace: string): Target | undefined {
  const [path = ""] = url.split("?");
  const found = /^\/apis\/([^/]+)\/v1\/namespaces\/([^/]+)\/([a-z]+)(?:\/([^/]+))?$/.exec(path);
  const [, group = "", where, resource = "", name] = found ?? [];
  if (where !== namespace) return undefined;
  const verb = method === "GET" ? (name === undefined ? "list" : "get") : (verbs[method] ?? method);
  return { group, resource, name: name === undefined ? undefined : decodeURIComponent(name), verb };
}
