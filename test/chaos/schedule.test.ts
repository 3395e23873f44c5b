import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { candidates, catalog } from "./catalog/catalog.ts";
import { exclusions } from "./catalog/exclusions.ts";
import { longestShortMs, planned, shortened, shuffled, storms } from "./schedule.ts";

const words = (seed: number): readonly string[] =>
  shuffled(catalog, seed).map((entry) => `${entry.id} ${planned(entry, seed).injection.attempt}`);
const stormWords = (seed: number): readonly string[] =>
  storms(catalog, seed, 20).map(({ faults, id, task }) => `${id} ${task} ${faults.map(({ entry }) => entry.id)}`);

suite("the catalog and its schedules", () => {
  test("every injection has a name of its own, and there are at least 300 of call, phase and effect", () => {
    assert.equal(new Set(catalog.map(({ id }) => id)).size, catalog.length);
    const distinct = new Set(catalog.map(({ call, effect, phase }) => `${call} ${phase} ${effect}`));
    assert.ok(distinct.size >= 300, `${distinct.size}`);
  });

  test("what is left out is listed, and each line leaves something out", () => {
    for (const { ids, reason } of exclusions) {
      assert.ok(
        candidates.some(({ id }) => ids.test(id)),
        ids.source,
      );
      assert.ok(reason.length > 20);
    }
    assert.equal(catalog.length, candidates.filter(({ id }) => !exclusions.some(({ ids }) => ids.test(id))).length);
  });

  test("the same seed makes the same schedule, another seed another one of the same faults", () => {
    assert.deepEqual(words(7), words(7));
    assert.notDeepEqual(words(7), words(8));
    assert.deepEqual(
      shuffled(catalog, 7)
        .map(({ id }) => id)
        .sort(),
      shuffled(catalog, 8)
        .map(({ id }) => id)
        .sort(),
    );
    assert.deepEqual(stormWords(7), stormWords(7));
    assert.notDeepEqual(stormWords(7), stormWords(8));
  });

  test("an injection is the same alone as among all others", () => {
    for (const entry of catalog.slice(0, 50)) {
      assert.deepEqual(planned(entry, 3).injection, planned({ ...entry }, 3).injection);
      assert.ok(entry.attempts.includes(planned(entry, 3).injection.attempt));
    }
  });

  test("the short run has at least 80 injections, and one of each effect that does not take long", () => {
    const short = shortened(catalog, 5);
    assert.ok(short.length >= 80 && short.length < catalog.length, `${short.length}`);
    const effects = (entries: typeof short): readonly string[] =>
      [...new Set(entries.map(({ effect }) => effect))].sort();
    const quick = catalog.filter(({ takesMs }) => takesMs <= longestShortMs);
    assert.deepEqual(effects(short), effects(quick));
    assert.deepEqual(
      effects(catalog).filter((effect) => !effects(short).includes(effect)),
      ["stall"],
    );
  });

  test("no fault of a storm changes what a sync has to hold, whatever task it was listed for", () => {
    const able = storms(catalog, 1, 400).flatMap(({ faults, task }) => faults.map((each) => ({ ...each, task })));
    const odd = able.filter(({ entry, task }) => task === "sync" && /^(ids|role)-/.test(entry.effect));
    assert.deepEqual(
      odd.map(({ entry }) => entry.id),
      [],
    );
    assert.ok(able.some(({ entry, task }) => !entry.id.includes(`:${task}:`)));
  });

  test("a storm is two to four faults at different calls", () => {
    for (const { faults } of storms(catalog, 1, 50)) {
      const calls = new Set(faults.map(({ entry }) => entry.call));
      assert.equal(calls.size, faults.length);
      assert.ok(faults.length >= 1 && faults.length <= 4);
    }
  });
});
