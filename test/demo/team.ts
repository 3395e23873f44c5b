/** The small team that the demo's Cursor answers with: every kind of row that a real team has. */
export const demoTeam = [
  { id: "user_01ada", name: "Ada Byron", email: "ada@example.com", role: "owner", isRemoved: false },
  { id: "user_02bob", name: "Bob Noyce", email: "bob@example.com", role: "member", isRemoved: false },
  { id: "user_03cleo", name: "Cleo Park", email: "Cleo@Example.com", role: "member", isRemoved: false },
  { id: "user_04dora", name: "Dora Silva", email: "dora@example.com", role: "free-owner", isRemoved: false },
  { id: "user_05eli", name: "", email: "eli@example.com", role: "member", isRemoved: false },
  { id: "user_06fay", name: "Fay Wray", email: "fay@example.com", role: "removed", isRemoved: true },
];

/** Whom the SCIM directory knows: Dora and Eli were invited by hand. */
export const demoDirectory = ["ada@example.com", "bob@example.com", "cleo@example.com"];
