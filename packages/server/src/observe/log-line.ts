/**
 * How a line of the log looks: one line of JSON for programs, or words for a person at a terminal. Nothing that a peer
 * chose (a name, a part of an error's text) can break the line or reach the terminal as a control sequence.
 */

/** C0, DEL, C1, what breaks or turns lines around, and halves of surrogates. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The text with `\uXXXX` for everything that is not to be seen: valid within a string of JSON, too. */
export function escaped(text: string): string {
  return text.replace(unprintable, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}

const dim = "\u001b[2m";
const plain = "\u001b[0m";
const colours: Readonly<Record<string, string>> = {
  error: "\u001b[31m",
  warn: "\u001b[33m",
  info: "\u001b[36m",
  debug: dim,
};

/** A line of JSON, as the log makes it, in words: `12:00:01 warn  slow commit  ms=1200`, and below it an error's stack. */
export function readable(line: string, inColour: boolean): string {
  const { time, level, msg, error, ...about } = JSON.parse(line) as Record<string, unknown>;
  const paint = (colour: string, text: string) => (inColour ? `${colour}${text}${plain}` : text);
  const clock = typeof time === "string" ? time.slice(11, 19) : "";
  const name = String(level);
  const fields = Object.entries(about).map(([key, value]) => `${key}=${shown(value)}`);
  const head = `${paint(dim, clock)} ${paint(colours[name] ?? "", name.padEnd(5))} ${escaped(String(msg))}`;
  const stack = stackOf(error).map((each) => `    ${escaped(each)}`);
  return `${[[head, ...fields.map((field) => paint(dim, field))].join("  "), ...stack].join("\n")}\n`;
}

function shown(value: unknown): string {
  const text = typeof value === "string" && /^[\w./:@#-]+$/.test(value) ? value : JSON.stringify(value);
  return escaped(text);
}

function stackOf(error: unknown): string[] {
  const { stack, message } = (error ?? {}) as { stack?: unknown; message?: unknown };
  const text = typeof stack === "string" ? stack : message;
  return typeof text === "string" ? text.split("\n") : [];
}
