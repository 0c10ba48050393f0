/** A whole run: which participants each scenario has on this machine, how long it will take, and the scenarios in turn. */
import type { MeasuredScenario } from "./measured-scenario.ts";
import type { Options } from "./options.ts";
import { type Checkout, type Participant, parleys, peer } from "./participants.ts";
import { runRounds } from "./rounds.ts";
import type { Extent, Scenario } from "./scenarios.ts";

/** Starting and ending a scenario's servers. */
const serversMs = 3000;

export interface Planned {
  readonly scenario: Scenario;
  readonly participants: readonly Participant[];
  readonly missing: MeasuredScenario["missing"];
  /** As in `RoundsOptions`. */
  readonly newServersEachRound: boolean;
  /** About how long it will take. */
  readonly ms: number;
}

export function plan(options: Options, extent: Extent, checkouts: readonly Checkout[]): Planned[] {
  return options.scenarios.map((scenario) => {
    const protocols = scenario.protocols.filter((name) => options.protocols.includes(name));
    const own = parleys(checkouts, protocols, scenario.durability, scenario.stores?.(extent));
    const peers = options.peers ? scenario.peers.map(peer) : [];
    const missing = peers.flatMap(({ name, target }) => {
      const why = target.missing();
      return why === undefined ? [] : [{ name, why: `${why} (npm run bench:install-peers)` }];
    });
    const participants = [...own, ...peers.filter(({ name }) => !missing.some((one) => one.name === name))];
    const isComparison = checkouts.length > 1 || participants.length > own.length;
    // Filling a store anew for each round would take minutes.
    const newServersEachRound = isComparison && scenario.stores === undefined;
    const starts = newServersEachRound ? extent.rounds : 1;
    const servers = starts * new Set(participants.map(({ target }) => target)).size;
    const runs = participants.length * extent.rounds * scenario.runMs(extent);
    const firsts = starts * participants.length * (extent.firstWarmUpMs - extent.warmUpMs);
    const prepared = checkouts.length * (scenario.prepareMs?.(extent) ?? 0);
    return { scenario, participants, missing, newServersEachRound, ms: runs + firsts + prepared + servers * serversMs };
  });
}

export interface Watching {
  readonly signal: AbortSignal;
  readonly runPrefix: string;
  progress(text: string): void;
  /** Told of each scenario as soon as it is measured. */
  measured(one: MeasuredScenario): void;
}

/** Runs what is planned, one scenario after the other. Rejects when the signal says so. */
export async function measure(
  planned: readonly Planned[],
  extent: Extent,
  { signal, runPrefix, progress, measured }: Watching,
): Promise<MeasuredScenario[]> {
  const all: MeasuredScenario[] = [];
  for (const [index, { scenario, participants, missing, newServersEachRound }] of planned.entries()) {
    signal.throwIfAborted();
    const leftMs = planned.slice(index).reduce((sum, { ms }) => sum + ms, 0);
    const began = performance.now();
    const outcomes = await runRounds({
      scenario,
      participants,
      extent,
      newServersEachRound,
      signal,
      runPrefix: `${runPrefix}${index.toString(36)}`,
      about: (round, { name, checkout }) =>
        progress(
          `${scenario.name}, round ${round + 1} of ${extent.rounds}: ${name}${checkout === "" ? "" : ` @${checkout}`} ` +
            `(scenario ${index + 1} of ${planned.length}, about ${inWords(Math.max(0, leftMs - (performance.now() - began)))} left)`,
        ),
    });
    const one = { scenario, outcomes, missing };
    all.push(one);
    measured(one);
  }
  return all;
}

/** A time as people say it. */
export function inWords(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
