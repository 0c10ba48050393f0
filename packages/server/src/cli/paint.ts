/**
 * Colours, only where the stream is a terminal and `NO_COLOR` is not set. Takes text that is printable already.
 */
import { styleText } from "node:util";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan" | "magenta" | "blue";

/** Puts a style around text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

const nameStyles: readonly Style[] = ["cyan", "magenta", "yellow", "green", "blue"];

/** The paint for what is written to `stream`. */
export function createPaint(stream: NodeJS.WriteStream): Paint {
  return (style, text) => (text === "" ? "" : styleText(style, text, { stream }));
}

/** A user's colour: the same everywhere, so that people can be told apart at a glance. */
export function nameStyle(name: string): Style {
  let sum = 0;
  for (const character of name.toLowerCase()) sum = (sum * 31 + (character.codePointAt(0) as number)) % 65_521;
  return nameStyles[sum % nameStyles.length] as Style;
}
