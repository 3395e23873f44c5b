import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { buildInfo, osInfo, readHostFacts } from "./host-info.ts";

const nothing = { hostname: "", platform: "", kernelVersion: "", arch: "", osRelease: "" };

suite("what Hello says about the machine", () => {
  test("the distribution comes from os-release", () => {
    const osRelease = 'PRETTY_NAME="Ubuntu 24.04 LTS"\nID=ubuntu\nID_LIKE="debian linux"\nVERSION_ID="24.04"\n';
    assert.deepEqual(osInfo({ hostname: "pod-1", platform: "linux", kernelVersion: "6.1.0", arch: "x64", osRelease }), {
      hostname: "pod-1",
      os: "linux",
      platform: "ubuntu",
      platformFamily: "debian",
      platformVersion: "24.04",
      kernelVersion: "6.1.0",
      kernelArch: "x86_64",
      virtualizationSystem: "none",
    });
  });

  test("without os-release the platform stands in, and Windows has its own name", () => {
    assert.deepEqual(osInfo({ ...nothing, hostname: "w", platform: "win32", kernelVersion: "10.0", arch: "arm64" }), {
      hostname: "w",
      os: "windows",
      platform: "windows",
      platformFamily: "windows",
      platformVersion: "10.0",
      kernelVersion: "10.0",
      kernelArch: "aarch64",
      virtualizationSystem: "none",
    });
  });

  test("no field is ever empty or longer than 256 characters", () => {
    const text = fc.string({ maxLength: 600, unit: "grapheme" });
    fc.assert(
      fc.property(text, text, text, text, text, (host, platform, kernelVersion, arch, osRelease) => {
        const info = osInfo({ hostname: host, platform, kernelVersion, arch, osRelease: `ID=${osRelease}` });
        const build = buildInfo({ package: platform, version: kernelVersion });
        for (const value of [...Object.values(info), ...Object.values(build)]) {
          assert.ok([...value].length >= 1 && [...value].length <= 256, value);
          assert.notEqual(value.trim(), "");
        }
      }),
      { numRuns: 200 },
    );
  });

  test("this machine is described without gaps", () => {
    assert.ok(Object.values(osInfo(readHostFacts())).every((value) => value !== ""));
  });
});
