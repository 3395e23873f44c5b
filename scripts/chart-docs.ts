/**
 * Writes the chart's README from Chart.yaml and the comments of values.yaml, or, with `--check`, fails when it is stale or a
 * value has no comment.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parse } from "yaml";

const chart = new URL("../helm/baton-cursor/", import.meta.url).pathname;
const readme = `${chart}README.md`;

/** One value: its path with dots, its default, and what its comment says. */
export interface ValueRow {
  readonly path: string;
  readonly byDefault: unknown;
  readonly text: string;
}

/**
 * Every value that can be set, in the order of the file. A key with a comment is a value, whatever it holds; one without is a
 * group. Throws for a value without a comment.
 */
export function valueRows(source: string): ValueRow[] {
  const rows: ValueRow[] = [];
  const above: string[] = [];
  let comment: string[] = [];
  let skipDeeperThan = Number.POSITIVE_INFINITY;
  for (const line of source.split("\n")) {
    const [, indent = "", remark, key, rest = ""] = /^( *)(?:# ?(.*)|(\w+):(.*))$/.exec(line) ?? [];
    if (remark !== undefined) comment.push(remark.trim());
    else if (key === undefined) comment = [];
    else {
      const depth = indent.length / 2;
      if (depth > skipDeeperThan) {
        comment = [];
        continue;
      }
      const path = [...above.slice(0, depth), key];
      above.splice(0, above.length, ...path);
      skipDeeperThan = Number.POSITIVE_INFINITY;
      const group = rest.trim() === "" && comment.length === 0;
      if (!group) {
        rows.push({ path: path.join("."), byDefault: valueAt(parse(source), path), text: comment.join(" ") });
        skipDeeperThan = depth;
      }
      comment = [];
    }
  }
  const silent = rows.filter(({ text }) => text === "");
  if (silent.length > 0) throw new Error(`values without a comment: ${silent.map(({ path }) => path).join(", ")}`);
  return rows;
}

function valueAt(values: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (here, key) => (typeof here === "object" && here !== null ? Reflect.get(here, key) : undefined),
    values,
  );
}

/** The README that the chart should have. */
export function chartReadme(): string {
  const meta = parse(readFileSync(`${chart}Chart.yaml`, "utf8"));
  const rows = valueRows(readFileSync(`${chart}values.yaml`, "utf8")).map(
    ({ path, byDefault, text }) =>
      `| \`${path}\` | \`${JSON.stringify(byDefault)}\` | ${text.replaceAll("|", "\\|")} |`,
  );
  return `<!-- Generated from Chart.yaml and values.yaml by \`make generate\`. Do not edit. -->

# ${meta.name} ${meta.version}

${meta.description}. For Helm 3 and Helm 4, Kubernetes ${meta.kubeVersion.replace(/-0$/, "")}.

\`\`\`sh
kubectl create secret generic baton-cursor --from-env-file=connector.env   # BATON_CLIENT_ID=..., one a line
helm install cursor oci://REGISTRY/charts/baton-cursor \\
  --set image.repository=REGISTRY/baton-cursor --set credentials.existingSecret=baton-cursor
helm test cursor
\`\`\`

There is no public image: build one with \`make image-push IMAGE=…\`. The chart uses neither \`lookup\` nor random values, so that
GitOps tools render what Helm does. Credentials are files of one projected volume; new ones arrive without a restart. One release
serves one Cursor team.

With two or more replicas the chart also makes a Lease, a Role that may get and update only this Lease, and a
PodDisruptionBudget; only then do the pods get a token for the Kubernetes API. Argo CD passes over Leases unless its
\`resource.exclusions\` are changed: make the Lease yourself then and set \`leaderElection.createLease=false\`.

## Values

Unknown values are refused. \`null\` takes a default away.

| Value | Default | Meaning |
|---|---|---|
${rows.join("\n")}
`;
}

if (import.meta.main) {
  const wanted = chartReadme();
  if (process.argv.includes("--check")) {
    if (readFileSync(readme, "utf8") !== wanted) {
      console.error("helm/baton-cursor/README.md is stale: run make generate");
      process.exitCode = 1;
    }
  } else writeFileSync(readme, wanted);
}
