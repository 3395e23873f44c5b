import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import type { AccountInfo, NewAccount } from "../baton/account.ts";
import { isEmailAddress } from "../baton/email-address.ts";
import { StatusError } from "../baton/status-error.ts";
import { checkAccountInfo, readNewAccount } from "./account-request.ts";

const ada = "ada@example.com";

function info(parts: Partial<AccountInfo>): AccountInfo {
  return { emails: [], login: "", profile: {}, ...parts };
}

function listed(...addresses: readonly string[]): AccountInfo["emails"] {
  return addresses.map((address) => ({ address, primary: false }));
}

/** Names that stand for the account of `ada` with this profile. */
function names(profile: Readonly<Record<string, unknown>>): readonly [string, string] {
  const { givenName, familyName } = readNewAccount(info({ emails: listed(ada), profile }));
  return [givenName, familyName];
}

function refusal(work: () => unknown): StatusError {
  try {
    work();
  } catch (reason) {
    assert.ok(reason instanceof StatusError);
    assert.deepEqual([reason.code, reason.retryable], ["invalid_argument", false]);
    return reason;
  }
  return assert.fail("nothing was refused");
}

/** None of these is one plain address. */
const badAddresses: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["no at sign", "zoe"],
  ["no local part", "@example.org"],
  ["no host", "zoe@"],
  ["two at signs", "zoe@home@example.org"],
  ["a name around it", "Ada Byron <zoe@example.org>"],
  ["pointed brackets", "<zoe@example.org>"],
  ["two addresses", "zoe@example.org,bob@example.org"],
  ["a comment", "zoe(home)@example.org"],
  ["a quoted local part", '"zoe byron"@example.org'],
  ["a quote inside", 'a"da@example.org'],
  ["a backslash", "zoe\\@example.org"],
  ["a blank inside", "zoe byron@example.org"],
  ["a line break inside", "zoe@example.org\r\nBcc: bob@example.org"],
  ["a NUL", "zoe\u0000@example.org"],
  ["two dots in a row", "zoe..byron@example.org"],
  ["a dot in front", ".zoe@example.org"],
  ["an underscore in the host", "zoe@my_host.example.org"],
  ["a hyphen at the end of a label", "zoe@example-.com"],
  ["an empty label", "zoe@example..com"],
  ["a host beyond ASCII", "zoe@bücher.example"],
  ["an address literal", "zoe@[127.0.0.1]"],
  ["65 bytes before the at sign", `${"a".repeat(65)}@example.org`],
  ["65 bytes before the at sign, 33 letters", `${"ä".repeat(32)}a@example.org`],
  ["a label of 64", `zoe@${"a".repeat(64)}.com`],
  ["255 bytes", `zoe@${"a".repeat(60)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(62)}`],
];

/** C1's own rule lets these through, but nobody has an address that cannot be seen. */
const invisible: readonly (readonly [string, string])[] = [
  ["a C1 control character", "zoe\u0085x@example.org"],
  ["a no-break space", "zoe\u00A0byron@example.org"],
  ["a line separator", "zoe\u2028x@example.org"],
  ["a zero-width space", "zoe\u200Bx@example.org"],
  ["a right-to-left override", "zoe\u202Ex@example.org"],
];

suite("the e-mail address of a new account", () => {
  for (const [what, address] of badAddresses) {
    test(`${what}: not among the listed ones`, () => {
      const error = refusal(() => checkAccountInfo(info({ emails: listed(ada, address) })));
      assert.match(error.message, /^entry 1 of the account's e-mail addresses/);
      if (address !== "") assert.ok(!error.message.includes(address));
    });
  }

  for (const [what, address] of [...badAddresses.slice(1), ...invisible]) {
    test(`${what}: not in the form`, () => {
      const error = refusal(() => readNewAccount(info({ login: ada, profile: { email: address } })));
      assert.match(error.message, /correct the field email of the form/);
      assert.ok(!error.message.includes(address));
    });
  }

  for (const [what, address] of invisible) {
    test(`${what}: listed or as login`, () => {
      refusal(() => readNewAccount(info({ emails: listed(address) })));
      refusal(() => readNewAccount(info({ login: address })));
    });
  }

  const good: readonly string[] = [
    ada,
    "Ada.Byron+cursor@Sub-1.Example.COM",
    "o'neill!#$%&*/=?^_`{|}~-x@example.com",
    "a@b",
    "dóra@example.com",
    "юлия@example.com",
    "😀@example.com",
    `${"ä".repeat(32)}@example.com`,
    `ada@${"a".repeat(59)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(62)}`,
  ];
  for (const address of good) {
    test(`${address} is taken as it is, white space around it apart`, () => {
      const around = `\t ${address}\r\n`;
      for (const parts of [{ emails: listed(around) }, { profile: { email: around } }, { login: around }]) {
        checkAccountInfo(info(parts));
        assert.equal(readNewAccount(info(parts)).email, address);
      }
    });
  }

  const orders: readonly (readonly [string, Partial<AccountInfo>, string])[] = [
    ["the primary one", { emails: [...listed("first@x.y"), { address: "primary@x.y", primary: true }] }, "primary@x.y"],
    ["else the first", { emails: listed("first@x.y", "second@x.y"), profile: { email: "form@x.y" } }, "first@x.y"],
    ["else the form's", { profile: { email: "form@x.y" }, login: "login@x.y" }, "form@x.y"],
    ["else the login", { profile: { email: "  " }, login: "login@x.y" }, "login@x.y"],
    ["a form that holds no text counts as empty", { profile: { email: 7 }, login: "login@x.y" }, "login@x.y"],
    ["a login that is none does not matter", { emails: listed(ada), login: "ada" }, ada],
  ];
  for (const [what, parts, expected] of orders) {
    test(`which one: ${what}`, () => assert.equal(readNewAccount(info(parts)).email, expected));
  }

  test("there is none: says which field to fill in", () => {
    for (const parts of [{}, { login: "ada" }, { login: "Ada <ada@example.com>" }, { profile: { email: null } }]) {
      assert.match(
        refusal(() => readNewAccount(info(parts))).message,
        /has no e-mail address: fill in the field email/,
      );
    }
  });
});

suite("the names of a new account", () => {
  const rows: readonly (readonly [string, Readonly<Record<string, unknown>>, readonly [string, string]])[] = [
    ["both names", { first_name: "Ada", last_name: "Byron", display_name: "X Y" }, ["Ada", "Byron"]],
    ["other spellings", { given_name: "Ada", family_name: "Byron" }, ["Ada", "Byron"]],
    ["an empty spelling gives way", { first_name: " ", given_name: "Ada" }, ["Ada", ""]],
    ["only a given name", { first_name: "Ada" }, ["Ada", ""]],
    ["only a family name", { last_name: "Byron" }, ["Byron", ""]],
    ["a display name, cut at its first blank", { display_name: "Ada King Byron" }, ["Ada", "King Byron"]],
    ["a display name of one word", { name: "Ada" }, ["Ada", ""]],
    ["no name at all", {}, ["ada", ""]],
    ["values of other kinds", { first_name: 7, last_name: ["x"], display_name: {} }, ["ada", ""]],
    ["quotes stay", { first_name: `O"Brien\\`, last_name: "d'Arc" }, [`O"Brien\\`, "d'Arc"]],
    ["white space and control characters become single blanks", { first_name: "\u0007A\t\n da\u0085" }, ["A da", ""]],
    ["half a surrogate pair", { first_name: "Ada\uD83D" }, ["Ada\uFFFD", ""]],
  ];
  for (const [what, profile, expected] of rows) {
    test(what, () => assert.deepEqual(names(profile), expected));
  }

  test("a long name is cut, never in the middle of a character", () => {
    assert.deepEqual(names({ first_name: "a".repeat(300) }), ["a".repeat(256), ""]);
    assert.deepEqual(names({ first_name: `${"a".repeat(255)}😀` }), ["a".repeat(255), ""]);
    assert.deepEqual(names({ first_name: `${"a".repeat(255)} b` }), ["a".repeat(255), ""]);
  });
});

suite("whatever C1 sends", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: "grapheme", maxLength: 400 }),
    fc.emailAddress(),
    fc.constantFrom(ada, " Ada\u0000Byron ", "Ada <ada@example.com>", "\uD800"),
  );
  const value = fc.oneof(text, fc.anything());
  const anyInfo = fc.record({
    emails: fc.array(fc.record({ address: text, primary: fc.boolean() }), { maxLength: 3 }),
    login: text,
    profile: fc.record(
      {
        email: value,
        first_name: value,
        given_name: value,
        last_name: value,
        family_name: value,
        display_name: value,
        name: value,
      },
      { requiredKeys: [] },
    ),
  });

  test("it is refused as an invalid argument, or becomes a person that a directory can take", () => {
    fc.assert(
      fc.property(anyInfo, (given) => {
        let account: NewAccount;
        try {
          checkAccountInfo(given);
          account = readNewAccount(given);
        } catch (reason) {
          return reason instanceof StatusError && reason.code === "invalid_argument";
        }
        const { email, familyName, givenName } = account;
        assert.ok(isEmailAddress(email), email);
        assert.ok(givenName !== "");
        for (const part of [email, givenName, familyName]) {
          assert.ok(part.isWellFormed() && part.length <= 256 && part === part.trim(), JSON.stringify(part));
          assert.doesNotMatch(part, /\p{Cc}/u);
        }
        return true;
      }),
      { numRuns: 2000 },
    );
  });
});
