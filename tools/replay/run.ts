/**
 * One run of the replay: a server, a cast, and the files one after the other, each in a room of its own. Only the
 * people of the file that is played are connected, which bounds connections and memory whatever the number of files.
 */
import { basename } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Activity } from "./activity.ts";
import { Cast } from "./cast.ts";
import { Findings } from "./findings.ts";
import { Interruptions } from "./interruptions.ts";
import type { LogFile } from "./log-file.ts";
import type { Options } from "./options.ts";
import { Random } from "./random.ts";
import { grouped, type Outcome } from "./report.ts";
import { Scene } from "./scene.ts";
import type { ServerUnderTest } from "./server-under-test.ts";
import { SocketFinder } from "./socket-finder.ts";

export interface RunOptions {
  readonly options: Options;
  readonly logs: readonly LogFile[];
  /** Tells this run's rooms and messages from those of other runs on the same server. */
  readonly id: string;
  /** Undefined: `options.urls` are those of a running server. */
  readonly server: ServerUnderTest | undefined;
}

export class Run {
  readonly #options: RunOptions;
  readonly #activity = new Activity();
  readonly #finder = new SocketFinder();
  readonly #cast: Cast;
  readonly #interruptions: Interruptions;
  /** Numbers of lines, over all files, before which the server is killed. */
  readonly #kills: number[];
  readonly #findings = new Findings();
  readonly #troubles = new Map<string, number>();
  readonly #began = performance.now();
  #linesBegan = 0;
  #scene: { readonly scene: Scene; readonly name: string } | undefined;

  constructor(options: RunOptions) {
    const { kills, cuts, seed, urls } = options.options;
    this.#options = options;
    this.#cast = new Cast(options.server?.urls ?? urls, this.#finder);
    this.#interruptions = new Interruptions(cuts, new Random(seed, "cuts"));
    const random = new Random(seed, "kills");
    const spoken = options.logs.reduce((sum, log) => sum + log.events.filter(({ type }) => type === "line").length, 0);
    this.#kills = Array.from({ length: kills }, () => 1 + random.below(Math.max(1, spoken))).sort((a, b) => a - b);
  }

  /** Plays all files. Rejects when it got stuck, or the server could not be had again. */
  async play(): Promise<Outcome> {
    const { logs, server } = this.#options;
    try {
      for (const [i, log] of logs.entries()) await this.#playFile(log, i + 1);
      await server?.settled();
    } finally {
      this.#finder.stop();
    }
    return {
      findings: this.#findings,
      files: logs.length,
      lines: sum(logs.map(({ lines }) => lines)),
      users: this.#cast.size,
      kills: server?.killed ?? 0,
      cuts: this.#interruptions.count,
      elapsedMs: performance.now() - this.#began,
      received: this.#cast.received,
      oddities: added(logs.map(({ oddities }) => oddities)),
      troubles: this.#troubles,
    };
  }

  /** Where it stands, in a line. */
  get progress(): string {
    const { logs, server } = this.#options;
    const { counts } = this.#findings;
    const book = this.#scene?.scene.book;
    const delivered = counts.delivered + (book?.delivered ?? 0);
    const seconds = (performance.now() - this.#began) / 1000;
    return (
      `${this.#scene?.name ?? "starting"} of ${logs.length}: ${grouped(counts.sent + (book?.sent ?? 0))} sent, ` +
      `${grouped(counts.acknowledged + (book?.acknowledged ?? 0))} acknowledged, ${grouped(delivered)} delivered ` +
      `(${grouped(Math.round(delivered / seconds))}/s), ${server?.killed ?? 0} kills, ${this.#interruptions.count} cuts`
    );
  }

  async #playFile(log: LogFile, number: number): Promise<void> {
    const { id, server } = this.#options;
    const runPrefix = `${id}.`;
    const room = `#ubuntu.${id}.${number}`;
    const scene = new Scene({
      log,
      room,
      runPrefix,
      idPrefix: `${runPrefix}${number}.`,
      shared: server === undefined,
      cast: this.#cast,
      interruptions: this.#interruptions,
      activity: this.#activity,
      beforeLine: () => this.#beforeLine(),
      trouble: (what) => this.#trouble(what.replaceAll(room, "the room")),
    });
    this.#scene = { scene, name: `${basename(log.path)}, ${number}` };
    const findings = await scene.play();
    this.#scene = undefined;
    this.#findings.add(findings);
  }

  #trouble(what: string): void {
    this.#troubles.set(what, (this.#troubles.get(what) ?? 0) + 1);
  }

  async #beforeLine(): Promise<void> {
    const { server, options } = this.#options;
    this.#linesBegan += 1;
    while ((this.#kills[0] ?? Number.POSITIVE_INFINITY) <= this.#linesBegan) {
      this.#kills.shift();
      server?.killSoon();
    }
    if (options.rate === 0) return;
    const dueMs = this.#began + (this.#linesBegan / options.rate) * 1000 - performance.now();
    if (dueMs > 0) await wait(dueMs);
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function added(maps: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const total = new Map<string, number>();
  for (const map of maps) for (const [what, count] of map) total.set(what, (total.get(what) ?? 0) + count);
  return total;
}
