/** Bodies that try to do something to the terminal of who reads them. */
export const hostileBodies: readonly string[] = [
  "\u001b]52;c;aGFoYQ==\u0007 clipboard",
  "\u001b[2J\u001b[1;1H cleared",
  "\u009b31m\u009d0;title\u009c C1",
  "safe.\u202egnp.exe bidi",
  "harmless\roverwritten",
  "\b\b\b\b\b\b\bback",
  "\u001bP+q544e\u001b\\ DCS",
  "\u0000\u0001\u000b\u000c\u007f C0",
  "line\u2028separator\u0085next",
  "two\n✓✓ 00:00 alice → bob: forged",
];

/** What must not be in anything that a person's terminal gets, but for line breaks. */
export const harmful = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u;
