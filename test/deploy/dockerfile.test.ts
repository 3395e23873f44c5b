import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { type Instruction, pairsOf, parseDockerfile } from "./dockerfile.ts";
import { dockerfileProblems } from "./dockerfile-rules.ts";

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
const text = read("Dockerfile");
const dockerfile = parseDockerfile(text);
const last = dockerfile.stages.at(-1)?.instructions ?? [];
const lastFrom = /^FROM \$\{BASE_IMAGE\}\n/m;
const only = (keyword: string): Instruction | undefined => last.find((instruction) => instruction.keyword === keyword);

suite("the Dockerfile", () => {
  test("keeps the rules", () => assert.deepEqual(dockerfileProblems(dockerfile), []));

  test("starts Node as dist/baton-cursor does", () => {
    const launcher = read("scripts/build.ts");
    const flags = /exec "\$node" (.*) "\$here\/main\.mjs" "\$@"/.exec(launcher)?.[1]?.split(" ") ?? [];
    assert.ok(flags.length > 0);
    assert.deepEqual(only("ENTRYPOINT")?.exec, ["/nodejs/bin/node", ...flags, "/app/main.mjs"]);
  });

  test("sets the variables that dist/baton-cursor sets", () => {
    const wanted = Object.fromEntries(
      Array.from(read("scripts/build.ts").matchAll(/\$\{(MALLOC_\w+)=(\d+)\}/g), ([, name = "", value = ""]) => [
        name,
        value,
      ]),
    );
    assert.equal(Object.keys(wanted).length, 3);
    const { NODE_ENV, SSL_CERT_FILE, ...malloc } = pairsOf(only("ENV") ?? assert.fail("ENV"));
    assert.deepEqual(malloc, wanted);
    assert.deepEqual([NODE_ENV, SSL_CERT_FILE], ["production", ""]);
  });

  test("leaves everything out of the build context that it does not copy", () => {
    const lines = read(".dockerignore")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    assert.equal(lines[0], "*");
    const copied = dockerfile.stages
      .flatMap(({ instructions }) => instructions)
      .filter(({ keyword, flags }) => keyword === "COPY" && flags.length === 0)
      .flatMap(({ text }) => text.split(/\s+/).slice(0, -1));
    const allowed = lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
    assert.deepEqual(allowed.sort(), copied.sort());
  });
});

suite("the rules find what is planted", () => {
  const rows: readonly (readonly [string, (source: string) => string, RegExp])[] = [
    ["a fixed base", (source) => source.replace(lastFrom, "FROM alpine:3\n"), /no build argument/],
    ["a base that is the build", (source) => source.replace(lastFrom, "FROM build\n"), /an earlier stage/],
    ["a moving tag", (source) => source.replace("debian12:nonroot", "debian12:latest"), /names no version/],
    ["no tag", (source) => source.replace("debian12:nonroot", "debian12"), /names no version/],
    ["root", (source) => source.replace("USER 65532:65532", "USER 0:0"), /USER/],
    ["a user by name", (source) => source.replace("USER 65532:65532", "USER nonroot"), /USER/],
    ["no user", (source) => source.replace("USER 65532:65532\n", ""), /USER/],
    [
      "a shell entrypoint",
      (source) => source.replace(/ENTRYPOINT \[.*/, "ENTRYPOINT node /app/main.mjs"),
      /shell form/,
    ],
    ["a shell build step", (source) => source.replace(/RUN \["npm".*/, "RUN npm ci"), /shell form/],
    ["a step in the last stage", (source) => `${source}RUN ["/nodejs/bin/node", "-v"]\n`, /nothing can run/],
    ["default arguments", (source) => `${source}CMD ["--help"]\n`, /CMD/],
    ["ADD", (source) => source.replace("COPY src src", "ADD src src"), /use COPY/],
    ["the whole context", (source) => source.replace("COPY src src", "COPY . ."), /whole context/],
    ["files of the context in the last stage", (source) => `${source}COPY LICENSE /\n`, /only from the build/],
    ["files that the process owns", (source) => source.replace(" --chown=0:0", ""), /belong to root/],
    ["a secret", (source) => source.replace("ARG SOURCE_URL", "ARG NPM_TOKEN\nARG SOURCE_URL"), /a secret would stay/],
    ["a missing label", (source) => source.replace("image.revision", "image.rev"), /revision is missing/],
    ["another stop signal", (source) => source.replace("STOPSIGNAL SIGTERM", "STOPSIGNAL SIGKILL"), /STOPSIGNAL/],
  ];
  for (const [what, change, problem] of rows) {
    test(what, () => {
      const changed = change(text);
      assert.notEqual(changed, text);
      assert.match(dockerfileProblems(parseDockerfile(changed)).join("\n"), problem);
    });
  }

  test("nothing at all", () => assert.deepEqual(dockerfileProblems(parseDockerfile("")), ["there is no FROM"]));
});
