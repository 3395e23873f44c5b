import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { systemClock } from "../baton/clock.ts";
import { createLogger, type LoggerOptions } from "./logger.ts";

function lines(options: Partial<LoggerOptions> = {}) {
  const written: string[] = [];
  const log = createLogger({
    clock: systemClock,
    level: "debug",
    format: "json",
    sinks: [{ write: (line) => written.push(line) }],
    showPeople: false,
    secrets: () => [],
    ...options,
  });
  return { log, written };
}

suite("logger", () => {
  test("a line is JSON with level, ts, msg and the fields of the child", () => {
    const { log, written } = lines();
    log.child({ taskId: "t1" }).warn("slow down", { waitMs: 5 });
    const line = JSON.parse(written[0] ?? "");
    assert.deepEqual(
      { ...line, ts: undefined },
      { level: "warn", ts: undefined, task_id: "t1", wait_ms: 5, msg: "slow down" },
    );
    assert.match(line.ts, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  test("a person is a digest that is the same within one process, also inside ids", () => {
    const { log, written } = lines();
    log.info("deleting email:Ada@Example.com", { who: "ada@example.com" });
    assert.doesNotMatch(written[0] ?? "", /@/);
    const digests = (written[0] ?? "").match(/person-[0-9a-f]{12}/g) ?? [];
    assert.equal(digests.length, 2);
  });

  test("people are shown when the switch says so", () => {
    const { log, written } = lines({ showPeople: true });
    log.info("deleting ada@example.com");
    assert.match(written[0] ?? "", /ada@example\.com/);
  });

  test("a known secret never leaves, whatever field it is in", () => {
    const { log, written } = lines({ secrets: () => ["key_abcdefgh"], showPeople: true, format: "console" });
    log.error("rejected key_abcdefgh", { header: "Basic key_abcdefgh" });
    assert.doesNotMatch(written.join(""), /key_abcdefgh/);
    assert.match(written.join(""), /error rejected \[redacted\]/);
  });

  for (const format of ["json", "console"] as const) {
    test(`${format}: a text is in one line and moves no terminal, whichever control characters it has`, () => {
      const { log, written } = lines({ format });
      const text = "a\r\nb\u001b[2Jc\u007fd\u0085e\u009b2Jf\u2028g\u2029h\u202ei\u{e0001}j\ufeffk";
      log.error(text, { text, list: [text] });
      const line = written.join("");
      assert.doesNotMatch(line.slice(0, -1), /[\p{Cc}\p{Cf}\u2028\u2029]/u);
      assert.ok(line.endsWith("\n"));
      if (format === "json") assert.deepEqual([JSON.parse(line).msg, JSON.parse(line).list], [text, [text]]);
      else assert.match(line, / error a b \[2Jc d e 2Jf g h i j k text="a/);
    });
  }

  test("console: an address with something unseen within is withheld whole", () => {
    const { log, written } = lines({ format: "console" });
    log.error("for ada\u00ad.byron@exam\u200bple.com");
    assert.match(written.join(""), / for person-[0-9a-f]{12}\n$/);
  });

  test("a line that cannot be written is no failure of what is logged; the next that can be tells how many were lost", () => {
    const [full, other]: [string[], string[]] = [[], []];
    let isFull = false;
    const sink = {
      write(line: string) {
        if (isFull) throw new Error("ENOSPC");
        full.push(line);
      },
    };
    const { log } = lines({ sinks: [sink, { write: (line) => other.push(line) }] });
    log.info("one");
    isFull = true;
    log.info("two");
    log.info("three");
    isFull = false;
    log.info("four");
    log.info("five");
    const words = full.map((line) => JSON.parse(line)).map(({ lost, msg }) => (lost === undefined ? msg : lost));
    assert.deepEqual(words, ["one", 2, "four", "five"]);
    assert.equal(other.length, 5);
  });

  test("lines below the level are dropped", () => {
    const { log, written } = lines({ level: "warn" });
    log.info("quiet");
    assert.deepEqual(written, []);
  });
});
