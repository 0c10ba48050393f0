/** The end of a replay in words and numbers. What each line means: docs/replay.md. */
import { type Fault, type Findings, faults } from "./findings.ts";

export interface Outcome {
  readonly findings: Findings;
  readonly files: number;
  readonly lines: number;
  readonly users: number;
  readonly kills: number;
  readonly cuts: number;
  readonly elapsedMs: number;
  /** Messages that came over the connections, repeats included. */
  readonly received: number;
  /** Lines that were odd, by what became of them. */
  readonly oddities: ReadonlyMap<string, number>;
  /** What happened beside the messages that may be worth knowing, with how often. */
  readonly troubles: ReadonlyMap<string, number>;
}

/** Those that every report has; the others are shown when they are not 0. */
const alwaysShown: ReadonlySet<Fault> = new Set(["lost", "duplicated", "reordered", "misdelivered", "invented"]);

const maxTroubles = 20;

/** The report, as lines. */
export function reportLines(outcome: Outcome): string[] {
  const { findings, elapsedMs, received } = outcome;
  const { counts } = findings;
  const seconds = elapsedMs / 1000;
  const perSecond = (count: number) => `${grouped(Math.round(count / seconds))}/s`;
  const row = (name: string, count: number, about = "") =>
    `  ${name.padEnd(13)}${grouped(count).padStart(11)}${about === "" ? "" : `   ${about}`}`;
  return [
    `${grouped(outcome.lines)} lines of ${plural(outcome.files, "file")}, ${grouped(outcome.users)} users, ` +
      `${plural(outcome.kills, "kill")} of the server, ${plural(outcome.cuts, "cut connection")}, ${seconds.toFixed(1)} s`,
    row(
      "sent",
      counts.sent,
      `${grouped(counts.room)} to the room, ${grouped(counts.direct)} direct, ${grouped(counts.asBytes)} as bytes`,
    ),
    row(
      "acknowledged",
      counts.acknowledged,
      `${perSecond(counts.acknowledged)}, ${grouped(counts.repeatedSends)} of them repeated sends`,
    ),
    row(
      "delivered",
      counts.delivered,
      `${perSecond(counts.delivered)}, and ${grouped(received - counts.delivered)} repeats that the client library kept back`,
    ),
    ...faults
      .filter((fault) => alwaysShown.has(fault) || counts[fault] > 0)
      .flatMap((fault) => faultLines(fault, findings, row)),
    ...listed("odd lines", outcome.oddities),
    ...listed("on the way", outcome.troubles),
    findings.isClean
      ? "Everything that was acknowledged came once, in order, to whom it was for."
      : "NOT everything came once, in order, to whom it was for.",
  ];
}

function faultLines(
  fault: Fault,
  { counts, examples }: Findings,
  row: (name: string, count: number) => string,
): string[] {
  return [row(fault, counts[fault]), ...(examples.get(fault) ?? []).map((example) => `    ${printable(example)}`)];
}

function listed(title: string, counts: ReadonlyMap<string, number>): string[] {
  const entries = [...counts].sort(([, a], [, b]) => b - a);
  const shown = entries
    .slice(0, maxTroubles)
    .map(([what, count]) => `  ${title}: ${grouped(count)} ${printable(what)}`);
  const rest = entries.length - maxTroubles;
  return rest > 0 ? [...shown, `  ${title}: and ${rest} more kinds`] : shown;
}

/** Without characters that could steer a terminal. */
function printable(text: string): string {
  return text.replace(/[^\n\x20-\x7e\xa0-\uffff]/g, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** Digits in groups of three: `8,712,345`. */
export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

function plural(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? "" : "s"}`;
}
