/** A scenario as it was measured: what the report, the chart and the JSON are made of. */
import type { FigureName } from "./figures.ts";
import type { Outcome } from "./rounds.ts";
import type { Scenario } from "./scenarios.ts";
import { type Spread, spreadOf } from "./statistics.ts";

export interface MeasuredScenario {
  readonly scenario: Scenario;
  readonly outcomes: readonly Outcome[];
  /** Who would take part and could not. */
  readonly missing: readonly { readonly name: string; readonly why: string }[];
}

/** What the rounds of a participant gave for one figure, in their order. */
export function valuesOf({ rounds }: Outcome, figure: FigureName): number[] {
  return rounds.flatMap((figures) => figures[figure] ?? []);
}

export function spreadOfFigure(outcome: Outcome, figure: FigureName): Spread {
  return spreadOf(valuesOf(outcome, figure));
}

/** The name, with the checkout where there are two. */
export function titleOf({ participant: { name, checkout } }: Outcome): string {
  return checkout === "" ? name : `${name} @${checkout}`;
}
