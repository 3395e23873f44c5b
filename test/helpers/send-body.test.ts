import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { serve } from "./http-server.ts";
import { sendBody } from "./send-body.ts";

const piece = "x".repeat(64 * 1024);

suite("a body in pieces", () => {
  test("that has to wait for its reader many times leaves no listeners behind", async () => {
    const most = { listeners: 0 };
    await using server = await serve((_request, response) => {
      response.on("drain", () => {
        most.listeners = Math.max(most.listeners, response.listenerCount("close") + response.listenerCount("error"));
      });
      void sendBody(
        response,
        Array.from({ length: 200 }, () => piece),
      );
    });
    const body = await (await fetch(server.url)).text();
    assert.equal(body.length, 200 * piece.length);
    assert.ok(most.listeners > 0, "it had to wait");
    assert.ok(most.listeners < 8, `${most.listeners} listeners`);
  });

  test("whose reader goes away ends", { timeout: 5_000 }, async () => {
    const ended = Promise.withResolvers<boolean>();
    await using server = await serve((_request, response) => {
      ended.resolve(
        sendBody(
          response,
          Array.from({ length: 2_000 }, () => piece),
        ),
      );
    });
    const response = await fetch(server.url);
    await response.body?.cancel();
    await ended.promise;
  });
});
