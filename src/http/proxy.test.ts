import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { isLoopback, resolveProxy } from "./proxy.ts";

const httpsProxy = "http://proxy.corp:3128";

function through(address: string, noProxy = ""): boolean {
  return resolveProxy(new URL(address), { httpsProxy, httpProxy: "http://plain.corp:8080", noProxy }) !== undefined;
}

suite("proxy resolution", () => {
  test("the variable follows the scheme of the address", () => {
    const settings = { httpsProxy, httpProxy: "http://plain.corp:8080" };
    assert.equal(resolveProxy(new URL("https://api.cursor.com/x"), settings)?.href, "http://proxy.corp:3128/");
    assert.equal(resolveProxy(new URL("http://api.cursor.com/x"), settings)?.href, "http://plain.corp:8080/");
    assert.equal(resolveProxy(new URL("https://api.cursor.com/x"), {}), undefined);
    assert.equal(resolveProxy(new URL("https://api.cursor.com/x"), { httpsProxy: "  " }), undefined);
  });

  test("a proxy may be named without a scheme, with credentials, or behind TLS", () => {
    const url = new URL("https://api.cursor.com");
    assert.equal(resolveProxy(url, { httpsProxy: "proxy.corp:3128" })?.href, "http://proxy.corp:3128/");
    assert.equal(resolveProxy(url, { httpsProxy: "https://me:pw@proxy.corp" })?.username, "me");
  });

  test("an unusable proxy is refused without repeating it", () => {
    for (const address of ["socks5://me:hunter2@proxy:1080", "http://me:hunter2@:x", "ftp://hunter2"]) {
      assert.throws(
        () => resolveProxy(new URL("https://api.cursor.com"), { httpsProxy: address }),
        (error: Error) => error.message.includes("HTTPS_PROXY") && !error.message.includes("hunter2"),
      );
    }
  });

  test("the machine itself is always direct", () => {
    for (const host of ["localhost", "LOCALHOST", "127.0.0.1", "127.9.8.7", "[::1]"]) {
      assert.equal(through(`https://${host}:8443`), false, host);
      assert.ok(isLoopback(new URL(`https://${host}`).hostname), host);
    }
    assert.ok(through("https://localhost.example.com"));
    assert.ok(!isLoopback("127.0.0.1.example.com"));
  });

  const rules: readonly [string, string, boolean][] = [
    ["*", "https://api.cursor.com", false],
    ["cursor.com", "https://cursor.com", false],
    ["cursor.com", "https://api.cursor.com", false],
    ["cursor.com", "https://notcursor.com", true],
    [".cursor.com", "https://api.cursor.com", false],
    [".cursor.com", "https://cursor.com", true],
    ["*.cursor.com", "https://api.cursor.com", false],
    ["*.cursor.com", "https://cursor.com", true],
    ["CURSOR.com", "https://API.Cursor.COM", false],
    ["cursor.com.", "https://api.cursor.com", false],
    ["cursor.com", "https://api.cursor.com.", false],
    ["a.example, cursor.com", "https://api.cursor.com", false],
    ["a.example cursor.com", "https://api.cursor.com", false],
    ["api.cursor.com:443", "https://api.cursor.com", false],
    ["api.cursor.com:443", "https://api.cursor.com:8443", true],
    ["api.cursor.com:80", "http://api.cursor.com", false],
    ["10.1.2.3", "https://10.1.2.3", false],
    ["10.1.2.3", "https://10.1.2.30", true],
    ["2001:db8::1", "https://[2001:db8::1]", false],
    ["[2001:db8::1]:443", "https://[2001:db8::1]", false],
    ["[2001:db8::1]:444", "https://[2001:db8::1]", true],
    [",, ,", "https://api.cursor.com", true],
    ["", "https://api.cursor.com", true],
  ];
  for (const [noProxy, address, proxied] of rules) {
    test(`NO_PROXY=${JSON.stringify(noProxy)}: ${address} ${proxied ? "through the proxy" : "direct"}`, () =>
      assert.equal(through(address, noProxy), proxied));
  }
});
