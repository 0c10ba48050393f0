/**
 * Runs one scenario: all servers up, and then rounds in which the participants take turns, so that whatever else the machine
 * does meanwhile meets all of them. Who fails once is out, and its reason is in the result.
 */
import type { Figures } from "./figures.ts";
import { generate } from "./generator-process.ts";
import type { Work } from "./load/workload.ts";
import type { Participant } from "./participants.ts";
import type { Extent, Scenario } from "./scenarios.ts";
import type { RunningTarget, Target } from "./targets/target.ts";

export interface Outcome {
  readonly participant: Participant;
  /** What each round gave. */
  readonly rounds: readonly Figures[];
  /** Why it did not go to the end; undefined where it did. */
  readonly failure: string | undefined;
}

export interface RoundsOptions {
  readonly scenario: Scenario;
  readonly participants: readonly Participant[];
  readonly extent: Extent;
  /**
   * Whether each round has new servers: two processes of the same program differ for as long as they live, which rounds of the
   * same two would not show.
   */
  readonly newServersEachRound: boolean;
  readonly signal: AbortSignal;
  /** Begins the names of all users; the runs number them. */
  readonly runPrefix: string;
  /** Told before each run. */
  readonly about: (round: number, participant: Participant) => void;
}

/** Connections of the run before are gone by then, and what the server does about it is done. */
const restMs = 300;

class Standing {
  readonly participant: Participant;
  readonly rounds: Figures[] = [];
  failure: string | undefined;

  constructor(participant: Participant) {
    this.participant = participant;
  }
}

/** Rejects only when `signal` says so. All servers have ended by then, or when it resolves. */
export async function runRounds(options: RoundsOptions): Promise<Outcome[]> {
  const { scenario, participants, extent, newServersEachRound, signal, about } = options;
  const standings = participants.map((participant) => new Standing(participant));
  const servers = new Servers(signal);
  let run = 0;
  try {
    for (let round = 0; round < extent.rounds; round++) {
      // Who was first is last next time.
      for (const standing of round % 2 === 0 ? standings : standings.toReversed()) {
        if (standing.failure !== undefined) continue;
        about(round, standing.participant);
        try {
          standing.rounds.push(await runOnce(options, standing.participant, servers, round, run++));
        } catch (error) {
          signal.throwIfAborted();
          standing.failure = error instanceof Error ? error.message : String(error);
        }
        if (scenario.serverEachRun) await servers.stop();
      }
      if (newServersEachRound) await servers.stop();
    }
  } finally {
    await servers.stop();
  }
  return standings;
}

async function runOnce(
  { scenario, extent, newServersEachRound, signal, runPrefix }: RoundsOptions,
  { target, dialect }: Participant,
  servers: Servers,
  round: number,
  run: number,
): Promise<Figures> {
  const { pid, ports } = await servers.of(target);
  let part = 0;
  const lab = {
    extent,
    isColdServer: round === 0 || newServersEachRound,
    generate: async (work: Work) => {
      const { durability } = scenario;
      // Letters and digits: part of names in every protocol.
      const name = `${runPrefix}${run.toString(36)}${part > 0 ? `p${part}` : ""}`;
      part += 1;
      const figures = await generate({ ...work, dialect, ports, serverPid: pid, durability, run: name }, signal);
      await new Promise((resolve) => setTimeout(resolve, restMs));
      return figures;
    },
  };
  return scenario.run(lab);
}

/** The servers of a scenario, each started when it is first needed. */
class Servers {
  readonly #signal: AbortSignal;
  readonly #running = new Map<Target, Promise<RunningTarget>>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  of(target: Target): Promise<RunningTarget> {
    let running = this.#running.get(target);
    if (!running) {
      running = target.start(this.#signal);
      this.#running.set(target, running);
    }
    return running;
  }

  /** Ends all of them. */
  async stop(): Promise<void> {
    const all = [...this.#running.values()];
    this.#running.clear();
    await Promise.all(
      all.map(async (starting) => {
        // One that did not start has nothing to end.
        const running = await starting.catch(() => undefined);
        await running?.stop();
      }),
    );
  }
}
