import assert from "node:assert/strict";
import { osInfo } from "../../../src/c1/host-info.ts";
import { resolveProxy } from "../../../src/http/proxy.ts";
import { createTrust } from "../../../src/http/trust.ts";
import { createTestCa } from "../../helpers/tls.ts";
import { mutateBytes, repeatPart } from "../harness/mutate-bytes.ts";
import { assertHidden, attempt } from "../harness/oracle.ts";
import type { FuzzTarget } from "../harness/target.ts";
import { readSources } from "../harness/words.ts";

/** The longest text that C1 takes in Hello, in characters. */
const maxFieldCharacters = 256;

const osReleaseTarget: FuzzTarget = {
  name: "os-release",
  covers: ["src/c1/host-info.ts"],
  seeds: [
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n',
    "ID=ubuntu\nID_LIKE='debian other'\nVERSION_ID=24.04\r\n",
    'ID=""\nVERSION_ID="\nID_LIKE= \n',
    "",
  ],
  mutators: [mutateBytes, mutateBytes, repeatPart],
  maxBytes: 20_000,
  cpuLimitMs: 500,
  run(input) {
    const osRelease = Buffer.from(input).toString("utf8");
    const info = osInfo({ hostname: "pod-1", platform: "linux", kernelVersion: "6.1", arch: "x64", osRelease });
    for (const [field, text] of Object.entries(info)) {
      assert.notEqual(text.trim(), "", `${field} is empty`);
      assert.ok([...text].length <= maxFieldCharacters, `${field} has ${[...text].length} characters`);
    }
    return info.platform === "linux" ? "refused" : "accepted";
  },
};

const elsewhere = new URL("https://acme.conductor.one");
const here = ["https://localhost", "https://127.0.0.1:8443", "https://[::1]"].map((text) => new URL(text));

/** The first line is the proxy, the second one NO_PROXY. */
const proxyTarget: FuzzTarget = {
  name: "proxy",
  covers: ["src/http/proxy.ts"],
  seeds: [
    "http://user:p%40ss@proxy.example:3128\n",
    "proxy.example:3128\n.conductor.one, 10.0.0.1",
    "HTTPS://[::1]:8080\nexample.com:8443 *.example.org",
    "http://proxy.example\n*",
    "socks5://a-proxy-with-a-password.example\n",
    "http://\n[::1]:443,acme.conductor.one:443",
    "\n",
  ],
  mutators: [mutateBytes, mutateBytes, repeatPart],
  maxBytes: 5_000,
  cpuLimitMs: 500,
  run(input) {
    const [address = "", noProxy = ""] = Buffer.from(input).toString("utf8").split("\n");
    const settings = { httpsProxy: address, noProxy };
    for (const url of here) assert.equal(resolveProxy(url, settings), undefined, `${url.host} through a proxy`);
    const { error, value } = attempt(() => resolveProxy(elsewhere, settings), ["invalid_argument"]);
    if (error !== undefined) {
      assertHidden(address, error.message, readSources(["src/http/proxy.ts"]));
      return "refused";
    }
    if (value === undefined) return "refused";
    assert.match(value.protocol, /^https?:$/);
    assert.notEqual(value.hostname, "", "a proxy without a host");
    const exempt = noProxy.split(/[\s,]+/).some((entry) => ["*", elsewhere.host, ".conductor.one"].includes(entry));
    assert.ok(!exempt, "reached through a proxy although NO_PROXY names it");
    return "accepted";
  },
};

const { caPem } = await createTestCa();

const authoritiesTarget: FuzzTarget = {
  name: "authorities",
  covers: ["src/http/trust.ts"],
  seeds: [
    caPem,
    `# a comment\r\n${caPem.replaceAll("\n", "\r\n")}${caPem}`,
    caPem.replace("CERTIFICATE", "TRUSTED CERTIFICATE").replace("END CERTIFICATE", "END TRUSTED CERTIFICATE"),
    caPem.slice(0, -40),
    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
  ],
  mutators: [mutateBytes, mutateBytes, repeatPart],
  maxBytes: 10_000,
  cpuLimitMs: 1000,
  run(input) {
    const { error } = attempt(() => createTrust([Buffer.from(input).toString("utf8")]), ["invalid_argument"]);
    return error === undefined ? "accepted" : "refused";
  },
};

export const machineTargets: readonly FuzzTarget[] = [osReleaseTarget, proxyTarget, authoritiesTarget];
