/** Texts that mean something to a header, a log, a terminal, a path, a filter or a page. */
export const nasty = [
  "Ann\r\nX-Injected: yes",
  'Ann"}\n{"level":"error","msg":"forged"}',
  "\u001b[2J\u001b]0;owned\u0007",
  "../../../../etc/passwd",
  '" or userName pr or "',
  "<script>alert(1)</script>",
  "\u202etxt.exe",
  "\u2028\u2029\u0085\u009b2J",
  "%0d%0aX-Injected:%20yes",
  `$${"{jndi:ldap://127.0.0.1/a}"}`,
];

/** Those of them that no header bears. */
export const notForHeaders = nasty.filter((text) => /[^\x20-\x7e]/.test(text));

/** What ends a line for somebody, or is obeyed by a terminal. */
export const controls = /[\p{Cc}\p{Cf}\u2028\u2029]/u;
