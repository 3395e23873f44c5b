/** Plays the signals alone and prints what came of them: `npx node test/scoreboard/play-signals.ts baton-cursor|go-sdk`. */
import { goSdk } from "../chaos/programs/go-sdk.ts";
import { batonCursor } from "../chaos/run/baton-cursor.ts";
import { playSignals } from "./signals.ts";

const program = [batonCursor, goSdk].find(({ name }) => name === process.argv[2]);
if (program === undefined) throw new Error("which program: baton-cursor or go-sdk?");
await playSignals(program, 4, ({ expected, id, observed, outcome, survived }) => {
  const verdict = !observed ? "NOT OBSERVED" : survived ? "survived" : "FAILED";
  console.log(`${verdict} ${id}\n    expected ${expected}\n    found    ${outcome}`);
});
