/**
 * The one way of text from a peer to a terminal: what comes out has no control characters, no escape sequences, no
 * bidirectional or other invisible characters, whatever comes in; they are shown as `\u{hex}`. Every human-readable
 * output of the command line goes through here (JSON goes through `json-line.ts`).
 */

/**
 * Controls (C0, DEL, C1), format characters (bidi, tags, BOM), separators that break lines, halves of surrogates and
 * everything else nobody sees, except what emoji and some scripts are made with: joiners and variation selectors.
 */
const unprintable =
  /[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]--[\u{200c}\u{200d}\u{fe00}-\u{fe0f}]]/gv;
/** No script stacks more marks than this on a letter; a tower of them reaches into the lines above. */
const markTower = /(\p{M}{8})\p{M}+/gu;
const tabSpaces = "    ";

/** One line for the terminal. Tabs become four spaces, line breaks are shown like any other control character. */
export function printable(text: string): string {
  return text
    .replaceAll("\t", tabSpaces)
    .replace(unprintable, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`)
    .replace(markTower, "$1…");
}

/** The lines of a text, each printable. Only LF and CR LF break lines: a lone CR would overwrite what stands there. */
export function printableLines(text: string): string[] {
  return text.split(/\r?\n/).map(printable);
}
