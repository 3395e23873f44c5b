import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { catalog } from "../chaos/catalog/catalog.ts";
import type { CatalogEntry, InjectionResult, ProgramName, Target } from "../chaos/injection.ts";
import { benchmarkSections } from "./benchmarks.ts";
import { faultSections } from "./faults.ts";
import { machineSection } from "./machine.ts";
import { inOrder } from "./order.ts";
import { type Played, tally, triedByAll } from "./tally.ts";

function entry(id: string, over: Partial<CatalogEntry> = {}): CatalogEntry {
  const target: Target = "token";
  const both: readonly ProgramName[] = ["baton-cursor", "go-sdk"];
  const place = { target, call: "POST /auth/v1/token", phase: "before", effect: "status-503" } as const;
  return { id, ...place, task: "sync", lasting: "once", attempts: [1], underTest: both, ...over };
}

function result(of: CatalogEntry, underTest: ProgramName, over: Partial<InjectionResult> = {}): InjectionResult {
  const { call, effect, id, lasting, phase, target, task } = of;
  const verdict = { observed: true, expected: "done", outcome: "done", survived: true };
  return {
    id,
    target,
    call,
    phase,
    effect,
    task,
    lasting,
    attempt: 1,
    seed: 7,
    underTest,
    tookMs: 1,
    ...verdict,
    ...over,
  };
}

function played(program: ProgramName, results: readonly InjectionResult[], absent?: string): Played {
  return { program, results, absent, unplayable: () => "it has no directory" };
}

const [one, two, three] = [entry("one"), entry("two"), entry("three", { target: "scim", underTest: ["baton-cursor"] })];
const entries = [one, two, three];

suite("the scoreboard's counting", () => {
  test("a fault without a result is not run, neither tried nor survived", () => {
    const counted = tally(entries, played("go-sdk", [result(one, "go-sdk")]));
    assert.deepEqual([counted.listed, counted.tried, counted.survived], [3, 1, 1]);
    assert.deepEqual(counted.notRun, [
      { reason: "not in this run", count: 1 },
      { reason: "it has no directory", count: 1 },
    ]);
  });

  test("a fault that nobody saw happen proves nothing, even when the result says survived", () => {
    const counted = tally([one], played("baton-cursor", [result(one, "baton-cursor", { observed: false })]));
    assert.deepEqual([counted.tried, counted.survived, counted.failures.length], [0, 0, 0]);
    assert.deepEqual(counted.notRun, [{ reason: "the fault was not seen to happen", count: 1 }]);
  });

  test("results of the other program do not count", () => {
    assert.equal(tally([one], played("go-sdk", [result(one, "baton-cursor")])).tried, 0);
  });

  test("a program that could not be run has no verdict, whatever results lie about", () => {
    const counted = tally(entries, played("go-sdk", [result(one, "go-sdk")], "Go was not found"));
    assert.deepEqual([counted.tried, counted.survived], [0, 0]);
    assert.deepEqual(counted.notRun, [{ reason: "Go was not found", count: 3 }]);
  });

  test("of two results of the same fault the worse one counts", () => {
    const bad = result(one, "baton-cursor", { survived: false, outcome: "lost" });
    for (const results of [
      [bad, result(one, "baton-cursor")],
      [result(one, "baton-cursor"), bad],
    ]) {
      const counted = tally([one], played("baton-cursor", results));
      assert.deepEqual([counted.tried, counted.survived, counted.failures], [1, 0, [bad]]);
    }
  });

  test("a failure counts as given back only when nothing else is wrong", () => {
    const failure = "code 2 retryable; sync -; directory -; team -; effects -";
    const outcomes = [failure, `${failure}; left behind: a file`, failure.replace("retryable", "final"), "nothing"];
    const counts = outcomes.map((outcome) => {
      const { givenBack, survived } = tally(
        [one],
        played("go-sdk", [result(one, "go-sdk", { survived: false, outcome })]),
      );
      return `${givenBack} given back, ${survived} survived`;
    });
    const none = "0 given back, 0 survived";
    assert.deepEqual(counts, ["1 given back, 0 survived", none, none, none]);
  });

  test("a failure counts as right but for its files only when nothing else is wrong", () => {
    const outcomes = ["done; left behind: a, b", "done; left behind: a; /live says 0", "lost; left behind: a", "lost"];
    const counts = outcomes.map((outcome) => {
      const results = [result(one, "go-sdk", { survived: false, outcome })];
      return tally([one], played("go-sdk", results)).leftFiles;
    });
    assert.deepEqual(counts, [1, 0, 0, 0]);
  });

  test("whatever is listed is either tried or not run", () => {
    const results = [result(one, "baton-cursor"), result(two, "baton-cursor", { observed: false })];
    const { listed, notRun, tried } = tally(entries, played("baton-cursor", results));
    assert.equal(tried + notRun.reduce((sum, { count }) => sum + count, 0), listed);
  });

  test("only faults with a verdict for both are held against each other", () => {
    const ours = played(
      "baton-cursor",
      entries.map((each) => result(each, "baton-cursor")),
    );
    assert.deepEqual(triedByAll(entries, [ours, played("go-sdk", [result(two, "go-sdk")])]), [two]);
    assert.deepEqual(triedByAll(entries, [ours, played("go-sdk", [], "Go was not found")]), []);
  });
});

suite("the scoreboard's tables of faults", () => {
  const ours = played(
    "baton-cursor",
    entries.map((each) => result(each, "baton-cursor")),
  );
  const lost = result(two, "go-sdk", { survived: false, expected: "1 upload", outcome: "0 uploads | exit 16" });
  const text = faultSections({ entries, ours, sdk: played("go-sdk", [result(one, "go-sdk"), lost]) });

  test("say side by side what both had, and nothing else", () => {
    const [, section] = text.split("## The same faults to both");
    assert.match(
      section?.split("##")[0] ?? "",
      /\| token endpoint \| 2 \| 2 \| 1 \| 0 \| 0 \|\n\| \*\*all\*\* \| 2 \| 2 \| 1 \| 0 \| 0 \|/,
    );
    assert.doesNotMatch(section?.split("##")[0] ?? "", /SCIM/);
  });

  test("say 'not run' with the reason where a kind has no verdict", () => {
    assert.match(text, /\| SCIM directory \| 1 \| 1 of 1 \| not run: 1, it has no directory \|/);
    assert.match(text, /\| \*\*all\*\* \| 3 \| 3 of 3 \| 1 of 2 \(not run: 1, it has no directory\) \|/);
  });

  test("list what was not survived, with what was found instead", () => {
    assert.match(text, /## What ours did not survive\n\nNothing\./);
    assert.match(text, /- `two`: expected 1 upload; found 0 uploads \\\| exit 16/);
  });

  test("name no file, no process and no later line of one run", () => {
    const outcome = "done; left behind: sync-upload3427655749, /tmp/c1z1309094270/x\nat main.ts";
    const failed = result(one, "go-sdk", { survived: false, outcome });
    const listed = faultSections({ entries, ours, sdk: played("go-sdk", [failed]) });
    assert.match(listed, /- `one`: expected done; found that, and left behind: sync-upload…, \(a temporary file\)$/m);
  });

  test("never say that nothing was lost where nothing was run", () => {
    const without = faultSections({ entries, ours, sdk: played("go-sdk", [], "Go was not found") });
    assert.match(without, /## The same faults to both\n\nnot run: Go was not found/);
    assert.match(without, /## What the Go SDK connector did not survive\n\nnot run$/);
  });
});

suite("the scoreboard's tables of benchmarks", () => {
  const run = { startSeconds: 0.5, seconds: 2, peakRssBytes: 200 * 1024 ** 2, fileBytes: 1024 ** 2 };
  const twice = { ...run, seconds: 4 };
  const team = { active: 1_000, removed: 2 };

  test("put the ratio to ours beside each figure of the others, the lesser ones too", () => {
    const teams = [{ team, runs: { ours: [run], sdk: [twice, run, twice], "sdk-sqlite": [{ ...run, seconds: 1 }] } }];
    const text = benchmarkSections({ teams, idle: {}, writers: [], missing: "left out" });
    assert.match(text, /\| 1,000 members: hand-out to result \| 2.00 s \| 4.00 s \(2.00x\) \| 1.00 s \(0.50x\) \|/);
  });

  test("say 'not run' with the reason where nobody was measured", () => {
    const teams = [{ team, runs: { ours: [run] } }];
    const text = benchmarkSections({ teams, idle: {}, writers: [], missing: "Go was not found" });
    assert.match(text, /\| 2.00 s \| not run: Go was not found \| not run: Go was not found \|/);
    assert.match(text, /memory while idle \| not run: Go was not found \|/);
    assert.match(text, /## Benchmarks: the writers alone\n\nnot run: Go was not found$/);
  });
});

suite("the order in which faults are played", () => {
  const [ours, sdk] = [inOrder(catalog, "baton-cursor", 1), inOrder(catalog, "go-sdk", 1)];

  test("leaves out nothing, and begins with what both are played, in the same order", () => {
    assert.equal(ours.length, catalog.filter(({ underTest }) => underTest.includes("baton-cursor")).length);
    const common = ours.filter(({ underTest }) => underTest.length > 1);
    assert.deepEqual(ours.slice(0, common.length), common);
    const alsoOurs = sdk.filter(({ underTest }) => underTest.length > 1);
    assert.deepEqual(alsoOurs, common);
  });

  test("comes to every kind soon, whenever it is broken off", () => {
    const kinds = new Set(sdk.map(({ target }) => target));
    assert.ok(kinds.size >= 8);
    assert.deepEqual(new Set(sdk.slice(0, kinds.size).map(({ target }) => target)), kinds);
  });
});

suite("the scoreboard's table of faults of the machine", () => {
  const disk = entry("machine:disk", { target: "machine", call: "disk of a large team" });
  const write = entry("machine:write", { target: "machine", call: "pwrite64 sync.db 1" });

  test("counts what was seen to happen, by kind, and says what was not", () => {
    const results = [
      result(disk, "baton-cursor"),
      result(disk, "baton-cursor", { survived: false, outcome: "nothing" }),
      result(disk, "baton-cursor", { observed: false }),
      result(write, "baton-cursor"),
    ];
    const text = machineSection({ results, skipped: ["memory: no memory groups"] });
    assert.match(
      text,
      /read-only \| 1 of 2 \(not run: 1, the fault was not seen to happen\) \| not run: played to ours alone \|/,
    );
    assert.match(text, /a system call on its files fails \| 1 of 1 \|/);
    assert.match(text, /killed by the kernel for its memory \| not run \|/);
    assert.match(text, /^not run: memory: no memory groups$/m);
    assert.match(text, /- `machine:disk`: expected done; found nothing$/m);
  });

  test("never says that nothing was lost where nothing was run", () => {
    assert.doesNotMatch(machineSection({ results: [], skipped: ["all: no root"] }), /Nothing|survived/);
  });
});
