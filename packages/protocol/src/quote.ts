/**
 * Shows a peer's text inside a sentence for people: in quotes, shortened, and with nothing invisible in it, so that a
 * name with a line break, a zero-width or a bidirectional character can be seen for what it is and cannot disturb the
 * terminal or the log that prints the sentence. Used by every fault message of this package.
 */

const maxShownCharacters = 40;
const visible = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const invisible = /\p{Default_Ignorable_Code_Point}/u;

/** `text` in double quotes: at most 40 characters of it, whatever is not visible written as `\u{hex}`. */
export function quote(text: string): string {
  let shown = "";
  let count = 0;
  for (const character of text) {
    if (count++ === maxShownCharacters) return `"${shown}…"`;
    if (character === '"' || character === "\\") shown += `\\${character}`;
    else if (visible.test(character) && !invisible.test(character)) shown += character;
    else shown += `\\u{${(character.codePointAt(0) as number).toString(16)}}`;
  }
  return `"${shown}"`;
}
