/**
 * What Prometheus is told (docs/observability.md lists it; a test compares). Core, gateways and engine only count; here
 * their numbers are read when somebody looks, so that nothing is paid for between two looks but one observation a commit.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Session } from "../core/session.ts";
import type { Traffic } from "../core/traffic.ts";
import type { CommitTimes, EngineFigures, EngineMeter } from "../engine/engine.ts";

/** What there is to look at. */
export interface MetricsSources {
  readonly traffic: Traffic;
  readonly sessions: () => Iterable<Session>;
  readonly figures: () => EngineFigures;
  readonly ready: () => boolean;
  /** Free bytes of the disk that the store is on; undefined where there is none. */
  readonly diskFreeBytes: () => Promise<number | undefined>;
  /** Seconds since the epoch at which the certificate expires; undefined without TLS. */
  readonly certificateExpires: () => number | undefined;
  readonly version: string;
}

type Reading = readonly [labels: Readonly<Record<string, string>>, value: number];

/** In seconds: from a commit on a fast disk to one on a disk that is in trouble. */
const latencyBuckets = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
const checkpointBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60];
const batchBuckets = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000];

/** Made before the engine, which it measures; the other numbers come when there is a server to `watch`. */
export class Metrics implements EngineMeter {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #registry = new Registry();
  readonly #settle = this.#histogram(
    "parley_append_settle_seconds",
    "From when the first message of a commit came to the store until all of the commit were settled.",
  );
  readonly #commit = this.#histogram("parley_commit_seconds", "From when a commit was begun until it was durable.");
  readonly #sync = this.#histogram("parley_sync_seconds", "The synced write of a commit (fsync).");
  readonly #batch = this.#histogram("parley_commit_messages", "Messages that went into one commit.", batchBuckets);
  readonly #checkpoint = this.#histogram(
    "parley_checkpoint_seconds",
    "How long it took to move the journal to where messages stay.",
    checkpointBuckets,
  );
  readonly #moved = this.#counter("parley_checkpoint_bytes_total", "Bytes of journal that checkpoints have moved.");
  readonly #faults = this.#counter("parley_store_faults_total", "How often the store could not be written.");
  #hasDefaults = false;

  committed({ appends, settleMs, commitMs, syncMs }: CommitTimes): void {
    this.#settle.observe(settleMs / 1000);
    this.#commit.observe(commitMs / 1000);
    if (syncMs !== undefined) this.#sync.observe(syncMs / 1000);
    this.#batch.observe(appends);
  }

  checkpointed(ms: number, bytes: number): void {
    this.#checkpoint.observe(ms / 1000);
    this.#moved.inc(bytes);
  }

  storeFailed(): void {
    this.#faults.inc();
  }

  /** From now on these are read too. To be called once. */
  watch(sources: MetricsSources): void {
    this.#watchTraffic(sources);
    this.#watchSessions(sources);
    this.#watchStore(sources);
    const { version, ready, certificateExpires } = sources;
    this.#reads("parley_ready", "1: takes messages; 0: drains, or cannot write.", () => Number(ready()));
    this.#gauge("parley_build_info", "Always 1; what runs is in the labels.", ["version", "node"], () => [
      [{ version, node: process.versions.node }, 1],
    ]);
    this.#gauge(
      "parley_tls_certificate_expiry_timestamp_seconds",
      "When the certificate of the listeners expires, in seconds since the epoch; no value without TLS.",
      [],
      () => {
        const expires = certificateExpires();
        return expires === undefined ? [] : [[{}, expires]];
      },
    );
  }

  /** Everything in the text format of Prometheus. */
  text(): Promise<string> {
    // They watch garbage collection and the event loop from here on: not where nobody looks.
    if (!this.#hasDefaults) collectDefaultMetrics({ register: this.#registry });
    this.#hasDefaults = true;
    return this.#registry.metrics();
  }

  #watchTraffic({ traffic }: MetricsSources): void {
    this.#gauge("parley_connections", "Connections that are open.", ["gateway"], () => {
      const open = new Map([...traffic.opened.keys()].map((gateway) => [gateway, 0]));
      for (const { watched } of traffic.open) add(open, watched.info.gateway);
      return labelled("gateway", open);
    });
    this.#counts("parley_connections_opened_total", "Connections since the start.", ["gateway"], () =>
      labelled("gateway", traffic.opened),
    );
    this.#counts("parley_connections_ended_total", "Connections that ended, by reason.", ["reason"], () =>
      labelled("reason", traffic.ended),
    );
    this.#counts("parley_sends_total", "Messages sent to the server, by what became of them.", ["outcome"], () => [
      [{ outcome: "accepted" }, traffic.accepted],
      [{ outcome: "duplicate" }, traffic.duplicates],
      [{ outcome: "refused" }, [...traffic.refused.values()].reduce((sum, each) => sum + each, 0)],
    ]);
    this.#counts("parley_sends_refused_total", "Sends that were refused, by error code.", ["code"], () =>
      labelled("code", traffic.refused),
    );
    this.#counts("parley_deliveries_total", "Messages handed to connections.", [], () => [[{}, traffic.delivered]]);
    this.#counts("parley_acknowledgements_total", "Deliveries that were acknowledged.", [], () => [
      [{}, traffic.acknowledged],
    ]);
    this.#counts("parley_dead_letters_total", "Dead letters written since the start, by reason.", ["reason"], () =>
      labelled("reason", traffic.dead),
    );
    const waiting = () => Array.from(traffic.open, ({ watched }) => watched.waitingBytes);
    this.#reads("parley_outbox_bytes", "Bytes that wait to be taken by peers.", () => sum(waiting()));
    this.#reads("parley_outbox_max_bytes", "The same of the peer with the most.", () => max(waiting()));
  }

  #watchSessions({ sessions }: MetricsSources): void {
    this.#gauge("parley_sessions", "Sessions that live: connections that are logged in.", ["gateway"], () => {
      const live = new Map<string, number>();
      for (const { info } of sessions()) add(live, info.gateway);
      return labelled("gateway", live);
    });
    this.#reads("parley_sessions_behind", "Sessions that read their log because they did not keep up.", () => {
      let behind = 0;
      for (const session of sessions()) if (session.behind) behind += 1;
      return behind;
    });
    const unacked = () => Array.from(sessions(), (session) => session.unacked);
    this.#reads(
      "parley_unacknowledged_messages",
      "Messages delivered to sessions that live, and not acknowledged.",
      () => sum(unacked()),
    );
    this.#reads("parley_unacknowledged_max_messages", "The same of the session with the most.", () => max(unacked()));
  }

  #watchStore({ figures, diskFreeBytes }: MetricsSources): void {
    this.#reads("parley_store_writable", "1: the store can be written; 0: the disk refuses.", () =>
      Number(figures().fault === undefined),
    );
    this.#reads("parley_appends_waiting", "Messages that wait for a commit.", () => figures().waitingAppends);
    this.#reads("parley_journal_bytes", "Bytes of the records in the journal's files.", () => figures().journalBytes);
    this.#reads("parley_checkpoint_running", "1: the journal is being moved to where messages stay.", () =>
      Number(figures().checkpointing),
    );
    this.#reads("parley_logs_in_memory", "Logs whose state is in memory.", () => figures().logsInMemory);
    new Gauge({
      name: "parley_disk_free_bytes",
      help: "Free bytes of the disk that the store is on; 0 without a store on disk.",
      registers: [this.#registry],
      async collect() {
        this.set((await diskFreeBytes()) ?? 0);
      },
    });
  }

  #histogram(name: string, help: string, buckets = latencyBuckets): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.#registry] });
  }

  #counter(name: string, help: string): Counter {
    return new Counter({ name, help, registers: [this.#registry] });
  }

  #reads(name: string, help: string, read: () => number): void {
    this.#gauge(name, help, [], () => [[{}, read()]]);
  }

  #gauge(name: string, help: string, labelNames: string[], read: () => readonly Reading[]): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.set(labels, value);
      },
    });
  }

  #counts(name: string, help: string, labelNames: string[], read: () => readonly Reading[]): void {
    new Counter({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.inc(labels, value);
      },
    });
  }
}

function labelled(name: string, counts: ReadonlyMap<string, number>): Reading[] {
  return Array.from(counts, ([label, count]) => [{ [name]: label }, count]);
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function max(numbers: readonly number[]): number {
  return numbers.reduce((most, each) => Math.max(most, each), 0);
}
