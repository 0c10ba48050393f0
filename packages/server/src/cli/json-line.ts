/**
 * JSON for a pipe that may turn out to be a terminal: besides what JSON escapes anyway (C0), also DEL, C1, line
 * separators and every format character (bidirectional ones among them) are written as `\uXXXX`. Lossless.
 */

const risky = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** `value` as one line of JSON, without the line break. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(risky, escapeUnits);
}

function escapeUnits(character: string): string {
  let escaped = "";
  for (let index = 0; index < character.length; index++)
    escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`;
  return escaped;
}
