import { mutateBytes, oddText } from "./mutate-bytes.ts";
import type { Random } from "./random.ts";
import type { Mutator } from "./target.ts";

/** A place in a JSON value: its container and the key in it. */
interface Place {
  readonly holder: object;
  readonly key: string;
}

/** Numbers that JSON can write and JavaScript cannot keep; put in as texts and freed of their quotes at the end. */
const rawNumbers = ["1e999", "-1e999", "9007199254740993", "12345678901234567890", "-0", "1E-400", "0.1e1"] as const;

/** Changes a JSON text where it has meaning: values, keys, nesting. What is not JSON is changed byte by byte. */
export const mutateJson: Mutator = (input, other, random, words) => {
  const root = { value: parse(input) };
  if (root.value === undefined) return mutateBytes(input, other, random, words);
  for (let left = 1 + random.int(3); left > 0; left -= 1) {
    const place = random.from(places(root));
    if (place !== undefined) edit(place, parse(other), random, words);
  }
  return Buffer.from((JSON.stringify(root.value) ?? "null").replaceAll(/"raw number ([^"]*)"/g, "$1"));
};

function edit(place: Place, donor: unknown, random: Random, words: readonly string[]): void {
  const old = read(place);
  const word = random.from(words) ?? "id";
  const foreign = read(random.from(places({ donor })) ?? place) ?? null;
  const edits: readonly (() => void)[] = [
    () => write(place, value(random, words)),
    () => remove(place),
    () => rename(place, random.chance(0.7) ? word : oddText(random)),
    () => write(place, random.chance(0.5) ? [old] : { [word]: old }),
    () => write(place, Array.isArray(old) ? [...old, ...old] : foreign),
    () => write(place, typeof old === "string" ? `${old}${oddText(random)}` : JSON.stringify(old)),
    () => write(place, typeof old === "string" ? change(old, random) : value(random, words)),
    () => {
      if (typeof old === "object" && old !== null && !Array.isArray(old))
        write({ holder: old, key: word }, value(random, words));
    },
    () => write(place, foreign),
  ];
  random.from(edits)?.();
}

function change(text: string, random: Random): string {
  const at = random.int(text.length + 1);
  switch (random.int(4)) {
    case 0:
      return text.repeat(2 + random.int(64)).slice(0, 2000);
    case 1:
      return text.slice(0, at) + oddText(random) + text.slice(at);
    case 2:
      return random.chance(0.5) ? text.toUpperCase() : ` ${text} `;
    default:
      return text.slice(at);
  }
}

function value(random: Random, words: readonly string[]): unknown {
  switch (random.int(8)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.int(3) - 1;
    case 3:
      return `raw number ${random.pick(rawNumbers)}`;
    case 4:
      return random.from(words) ?? "";
    case 5:
      return oddText(random);
    case 6:
      return random.chance(0.5) ? [] : {};
    default:
      return nest(random.pick([3, 50, 2000]));
  }
}

function nest(depth: number): unknown {
  let inner: unknown = [];
  for (let left = depth; left > 0; left -= 1) inner = [inner];
  return inner;
}

function places(root: object): Place[] {
  const found: Place[] = [];
  const open: object[] = [root];
  for (let holder = open.pop(); holder !== undefined && found.length < 500; holder = open.pop()) {
    for (const key of Object.keys(holder)) {
      found.push({ holder, key });
      const inner = read({ holder, key });
      if (typeof inner === "object" && inner !== null) open.push(inner);
    }
  }
  return found;
}

function read({ holder, key }: Place): unknown {
  return Object.getOwnPropertyDescriptor(holder, key)?.value;
}

/** Not by assignment, which would take `__proto__` for something else. */
function write({ holder, key }: Place, content: unknown): void {
  Object.defineProperty(holder, key, { value: content, enumerable: true, writable: true, configurable: true });
}

function remove({ holder, key }: Place): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  // The root has one key that must stay.
  else if (key !== "value" || Object.keys(holder).length > 1) Reflect.deleteProperty(holder, key);
}

function rename(place: Place, name: string): void {
  if (Array.isArray(place.holder) || place.key === "value") return;
  const content = read(place);
  remove(place);
  write({ holder: place.holder, key: name }, content);
}

function parse(input: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(input).toString("utf8"));
  } catch {
    return undefined;
  }
}
