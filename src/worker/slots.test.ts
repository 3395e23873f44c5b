import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { StatusError } from "../baton/status-error.ts";
import { createSlots } from "./slots.ts";

const never = new AbortController().signal;

suite("slots", () => {
  test("are handed out in the order of asking, never more than there are", async () => {
    const slots = createSlots(2);
    const first = await slots.acquire(never);
    const second = await slots.acquire(never);
    const order: string[] = [];
    const third = slots.acquire(never).then((release) => {
      order.push("third");
      return release;
    });
    const fourth = slots.acquire(never).then((release) => {
      order.push("fourth");
      return release;
    });
    assert.equal(slots.free, 0);
    first();
    await third;
    assert.deepEqual(order, ["third"]);
    second();
    await fourth;
    assert.deepEqual(order, ["third", "fourth"]);
    (await third)();
    (await fourth)();
    assert.equal(slots.free, 2);
  });

  test("giving back twice gives back one", async () => {
    const slots = createSlots(1);
    const release = await slots.acquire(never);
    release();
    release();
    assert.equal(slots.free, 1);
  });

  test("waiting ends with the signal's reason, and the place in the queue is given up", async () => {
    const slots = createSlots(1);
    const release = await slots.acquire(never);
    const controller = new AbortController();
    const waiting = slots.acquire(controller.signal);
    const reason = new StatusError("unavailable", "connector shutting down");
    controller.abort(reason);
    await assert.rejects(waiting, reason);
    release();
    assert.equal(slots.free, 1);
    await assert.rejects(slots.acquire(controller.signal), reason);
  });
});
