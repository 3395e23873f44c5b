import { optionTable } from "../../../src/config/options.ts";
import { readSources } from "../harness/words.ts";

/** What the program may say by itself; the names of variables are made from those of the flags. */
export const ownWords = [
  readSources(["src/config/", "src/credentials/"]),
  ...optionTable.flatMap(({ env, flag }) => [env, `--${flag}`]),
].join("\n");
