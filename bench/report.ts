/** The figures as tables on a terminal. */
import { type FigureName, figures } from "./figures.ts";
import { type MeasuredScenario, spreadOfFigure, titleOf } from "./measured-scenario.ts";
import type { Outcome } from "./rounds.ts";

/** How a heading is made to stand out: not at all where no terminal is. */
export type Emphasis = (text: string) => string;

/** Above this the generator may be what was measured. */
const busyLimit = 0.9;
/** Below this share of a fixed rate it was not the rate that was measured. */
const reachedLimit = 0.97;

/** The report of one scenario, as lines: a table, and what one has to know to read it. */
export function scenarioLines(measured: MeasuredScenario, emphasis: Emphasis): string[] {
  const { scenario, outcomes } = measured;
  const done = outcomes.filter(({ rounds }) => rounds.length > 0);
  const rows = [headings(measured, done), ...done.map((outcome) => row(measured, done, outcome))];
  return [
    emphasis(`${scenario.name}: ${scenario.title}`),
    ...(done.length > 0 ? table(rows).map((line, index) => `  ${index === 0 ? emphasis(line) : line}`) : []),
    ...notes(measured).map((note) => `  ${note}`),
    "",
  ];
}

function headings({ scenario }: MeasuredScenario, done: readonly Outcome[]): string[] {
  const { primary, others } = scenario;
  return ["", figures[primary].title, "least–most", ...references(done).map((one) => `÷ ${titleOf(one)}`)].concat(
    others.map((name) => figures[name].title),
  );
}

function row({ scenario }: MeasuredScenario, done: readonly Outcome[], outcome: Outcome): string[] {
  const { primary, others } = scenario;
  const { median, min, max } = spreadOfFigure(outcome, primary);
  const ratios = references(done).map((one) => (median / spreadOfFigure(one, primary).median).toFixed(2));
  return [
    titleOf(outcome),
    shown(primary, median),
    `${shown(primary, min)}–${shown(primary, max)}`,
    ...ratios,
    ...others.map((name) => shown(name, spreadOfFigure(outcome, name).median)),
  ];
}

/** Whom everybody is compared with: the first, and the peers. */
function references(done: readonly Outcome[]): Outcome[] {
  return done.filter(({ participant }, index) => index === 0 || participant.isPeer);
}

function shown(name: FigureName, value: number): string {
  return Number.isFinite(value) ? figures[name].show(value) : "–";
}

/** Lines with the first column to the left and the others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((cells) => (cells[column] ?? "").length))) ?? [];
  return rows.map((cells) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

function notes({ scenario, outcomes, missing }: MeasuredScenario): string[] {
  const busy = outcomes.filter((outcome) => spreadOfFigure(outcome, "generatorBusy").median > busyLimit);
  const { rate } = scenario;
  const slow = outcomes.filter(
    (one) => rate !== undefined && spreadOfFigure(one, "deliveriesPerSecond").median < reachedLimit * rate,
  );
  return [
    ...(slow.length > 0 ? [`not as fast as was sent: ${slow.map(titleOf).join(", ")}`] : []),
    ...(busy.length > 0
      ? [`the generator was nearly all it could be for ${busy.map(titleOf).join(", ")}: read these as "at least"`]
      : []),
    ...(scenario.note === undefined ? [] : [scenario.note]),
    ...missing.map(({ name, why }) => `${name}: ${why}`),
    ...outcomes.flatMap((one) => (one.failure === undefined ? [] : [`${titleOf(one)} FAILED: ${one.failure}`])),
  ];
}

/** What the servers promise, as lines: figures of different promises are not the same thing. */
export function promiseLines(measured: readonly MeasuredScenario[], emphasis: Emphasis): string[] {
  const promises = new Map<string, Set<string>>();
  for (const { scenario, outcomes } of measured)
    for (const { participant } of outcomes) {
      const who = participant.isPeer
        ? `${participant.name} (${participant.target.name})`
        : `Parley, ${scenario.durability === "fsync" ? "durable" : "memory"}`;
      const known = promises.get(who) ?? new Set();
      promises.set(who, known.add(participant.target.promise));
    }
  return [
    emphasis("What a message's answer or delivery says about it"),
    ...[...promises].map(([who, what]) => `  ${who}: ${[...what].join("; ")}`),
    "",
  ];
}
