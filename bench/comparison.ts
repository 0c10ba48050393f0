/** Two revisions beside each other: the ratio of each figure, and whether the rounds prove which is better. */
import { type FigureName, figures } from "./figures.ts";
import { type MeasuredScenario, valuesOf } from "./measured-scenario.ts";
import type { Emphasis } from "./report.ts";
import { type RatioSpread, ratioOf } from "./statistics.ts";

export interface Comparison {
  readonly participant: string;
  readonly figure: FigureName;
  /** `now` over `before`. */
  readonly ratio: RatioSpread;
  readonly verdict: "better" | "worse" | "no difference shown" | "too few rounds";
}

/** Fewer say nothing of how much rounds differ. */
const minRounds = 3;

/** How busy who was says nothing about a revision. */
const loads: readonly FigureName[] = ["serverBusy", "generatorBusy"];

/** All that both have figures of. */
export function comparisonsOf({ scenario, outcomes }: MeasuredScenario, before: string, now: string): Comparison[] {
  const names = [scenario.primary, ...scenario.others].filter((name) => !loads.includes(name));
  return outcomes.flatMap((old) => {
    if (old.participant.checkout !== before) return [];
    const { name } = old.participant;
    const own = outcomes.find(({ participant }) => participant.name === name && participant.checkout === now);
    if (!own) return [];
    return names.flatMap((figure) => {
      const earlier = valuesOf(old, figure);
      const ratio = ratioOf(earlier, valuesOf(own, figure));
      return Number.isFinite(ratio.median)
        ? [{ participant: name, figure, ratio, verdict: verdictOf(figure, ratio, earlier.length) }]
        : [];
    });
  });
}

function verdictOf(figure: FigureName, { low, high }: RatioSpread, rounds: number): Comparison["verdict"] {
  if (rounds < minRounds) return "too few rounds";
  if (low <= 1 && high >= 1) return "no difference shown";
  return low > 1 === (figures[figure].better === "more") ? "better" : "worse";
}

/** The comparison of one scenario, as lines. */
export function comparisonLines(measured: MeasuredScenario, before: string, now: string, emphasis: Emphasis): string[] {
  const all = comparisonsOf(measured, before, now);
  const width = (texts: readonly string[]) => Math.max(0, ...texts.map(({ length }) => length));
  const participants = width(all.map(({ participant }) => participant));
  const titles = width(all.map(({ figure }) => titleOf(figure)));
  return [
    emphasis(`${measured.scenario.name}: ${now} ÷ ${before}`),
    ...all.map(({ participant, figure, ratio: { median, min, max, low, high }, verdict }) => {
      const confidence = Number.isFinite(low) ? `; 95 %: ${low.toFixed(2)}–${high.toFixed(2)}` : "";
      const spread = `(${min.toFixed(2)}–${max.toFixed(2)}${confidence})`;
      return `  ${participant.padEnd(participants)}  ${titleOf(figure).padEnd(titles)}  ${median.toFixed(3)} ${spread}  ${verdict}`;
    }),
    "",
  ];
}

function titleOf(figure: FigureName): string {
  const { title, better } = figures[figure];
  return better === "less" ? `${title} (less is better)` : title;
}
