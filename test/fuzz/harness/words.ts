import { globSync, readFileSync } from "node:fs";

const root = new URL("../../../", import.meta.url).pathname;
const texts = new Map<string, string>();

/** The sources whose path contains one of `covers`, one after the other: once as they are and once without quotes. */
export function readSources(covers: readonly string[]): string {
  const key = covers.join(" ");
  const known = texts.get(key);
  if (known !== undefined) return known;
  const files = globSync("src/**/*.ts", { cwd: root }).filter(
    (file) => !file.endsWith(".test.ts") && covers.some((part) => file.includes(part)),
  );
  const text = files.map((file) => readFileSync(root + file, "utf8")).join("\n");
  // Messages are made of several literals, with blanks in between.
  const both = `${text}\n${text.replaceAll('"', " ")}`;
  texts.set(key, both);
  return both;
}

/** Texts and names that stand in the sources of a parser: what it compares its input with is among them. */
export function readWords(covers: readonly string[]): string[] {
  const words = new Set<string>();
  for (const [, word = ""] of readSources(covers).matchAll(/"([^"\\\n]{1,40})"/g)) words.add(word);
  for (const [, word = ""] of readSources(covers).matchAll(/\b([a-z]+[A-Z]\w{2,20})\b/g)) words.add(word);
  return [...words].sort();
}
