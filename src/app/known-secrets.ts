/** The texts that must not be seen in a log. */
export interface KnownSecrets {
  /** Takes note of those in use now. */
  remember(texts: readonly string[]): void;
  all(): readonly string[];
}

const mostTexts = 200;

/** Old versions stay secret: they may work for a while yet. Of very many, those that were in use the longest ago are forgotten. */
export function createKnownSecrets(): KnownSecrets {
  let known: readonly string[] = [];
  return {
    remember(texts) {
      const now = new Set(texts.filter((text) => text !== ""));
      known = [...known.filter((text) => !now.has(text)), ...now].slice(-mostTexts);
    },
    all: () => known,
  };
}
