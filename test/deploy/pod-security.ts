import { at, type Manifest, nameOf, podOf, record, records } from "./objects.ts";

/**
 * What Pod Security level "restricted" refuses in an object's pod, one line each. Written from the published list of the
 * Pod Security Standards; pods of the host's operating system and its namespaces included, as "baseline" already does.
 */
export function restrictedViolations(object: Manifest): string[] {
  const pod = podOf(object);
  if (pod === undefined) return [];
  const spec = record(pod.spec);
  const containers = ["initContainers", "containers", "ephemeralContainers"].flatMap((list) => records(spec[list]));
  return [
    ...podProblems(spec),
    ...containers.flatMap((container) =>
      containerProblems(container, spec).map((problem) => `container ${container["name"]}: ${problem}`),
    ),
  ].map((problem) => `${nameOf(object)}: ${problem}`);
}

const volumeTypes = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
];

function podProblems(spec: Readonly<Record<string, unknown>>): string[] {
  const hostParts = ["hostNetwork", "hostPID", "hostIPC"].filter((part) => spec[part] === true);
  const volumes = records(spec["volumes"]).flatMap((volume) =>
    Object.keys(volume).filter((type) => type !== "name" && !volumeTypes.includes(type)),
  );
  return [
    ...hostParts.map((part) => `${part} is set`),
    ...volumes.map((type) => `volume of type ${type}`),
    ...(at(spec, "securityContext", "sysctls") === undefined ? [] : ["sysctls are set"]),
  ];
}

/** Settings of a container win over those of its pod. */
function containerProblems(
  container: Readonly<Record<string, unknown>>,
  spec: Readonly<Record<string, unknown>>,
): string[] {
  const own = record(container["securityContext"]);
  const effective = { ...record(spec["securityContext"]), ...own };
  const capabilities = record(own["capabilities"]);
  const added = records(capabilities["add"]).filter((name) => String(name) !== "NET_BIND_SERVICE");
  const seccomp = at(effective, "seccompProfile", "type");
  const checks: readonly (readonly [boolean, string])[] = [
    [own["privileged"] === true, "is privileged"],
    [own["allowPrivilegeEscalation"] !== false, "may escalate privileges"],
    [effective["runAsNonRoot"] !== true, "may run as root"],
    [effective["runAsUser"] === 0, "runs as user 0"],
    [seccomp !== "RuntimeDefault" && seccomp !== "Localhost", "has no seccomp profile"],
    [!records(capabilities["drop"]).map(String).includes("ALL"), "does not drop all capabilities"],
    [added.length > 0, `adds capabilities ${added.join(", ")}`],
    [records(container["ports"]).some((port) => port["hostPort"] !== undefined), "takes a port of the host"],
    [own["procMount"] !== undefined && own["procMount"] !== "Default", "changes how /proc is mounted"],
    [at(container, "securityContext", "seLinuxOptions", "user") !== undefined, "sets an SELinux user"],
  ];
  return checks.flatMap(([wrong, problem]) => (wrong ? [problem] : []));
}
