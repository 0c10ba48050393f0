/** What a run leaves behind: all its figures as JSON, and the chart. */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { chartOf } from "./chart.ts";
import { type Comparison, comparisonsOf } from "./comparison.ts";
import type { MeasuredScenario } from "./measured-scenario.ts";
import type { Extent } from "./scenarios.ts";

export interface ResultsOptions {
  readonly directory: string;
  readonly measured: readonly MeasuredScenario[];
  readonly extent: Extent;
  readonly startedAt: Date;
  /** Of this checkout, as git describes it. */
  readonly revision: string;
  /** Where two revisions were compared: their names. */
  readonly compared?: { readonly before: string; readonly now: string };
}

/** Writes both files and returns their paths. */
export async function writeResults(options: ResultsOptions): Promise<{ json: string; chart: string }> {
  const { directory, measured, startedAt, revision, compared } = options;
  await mkdir(directory, { recursive: true });
  const name = startedAt.toISOString().slice(0, 19).replaceAll(":", "-");
  const json = join(directory, `${name}.json`);
  const chart = join(directory, `${name}.svg`);
  await writeFile(json, `${JSON.stringify(documentOf(options), undefined, 2)}\n`);
  await writeFile(
    chart,
    chartOf(measured, `Parley ${revision}, ${startedAt.toISOString().slice(0, 10)}`, compared?.before),
  );
  return { json, chart };
}

/** Medians are not in it: they follow from the rounds. */
function documentOf({ measured, extent, startedAt, revision, compared }: ResultsOptions): object {
  const comparisons = (one: MeasuredScenario): { comparisons?: Comparison[] } =>
    compared ? { comparisons: comparisonsOf(one, compared.before, compared.now) } : {};
  return {
    startedAt: startedAt.toISOString(),
    revision,
    ...(compared ? { compared } : {}),
    machine: {
      processor: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryBytes: totalmem(),
      system: `${type()} ${release()}`,
      node: process.version,
    },
    extent,
    scenarios: measured.map((one) => ({
      name: one.scenario.name,
      title: one.scenario.title,
      durability: one.scenario.durability,
      primary: one.scenario.primary,
      participants: one.outcomes.map(({ participant, rounds, failure }) => ({
        name: participant.name,
        ...(participant.checkout === "" ? {} : { checkout: participant.checkout }),
        server: participant.target.name,
        promise: participant.target.promise,
        rounds,
        ...(failure === undefined ? {} : { failure }),
      })),
      missing: one.missing,
      ...comparisons(one),
    })),
  };
}
