/**
 * How a server ends in good order, within a time limit: not ready any more, nobody new, everybody answered what they
 * asked and told to connect elsewhere, what is buffered written, the store closed. Peers that do not read are not waited
 * for longer than the limit; what they were not given is in the log. Called by `server.ts`.
 */
import type { Core } from "./core/core.ts";
import type { Log } from "./core/log.ts";
import type { Engine } from "./engine/engine.ts";
import type { Health } from "./observe/health.ts";

interface Stoppable {
  stop(): Promise<void>;
}

export interface DrainOptions {
  readonly core: Core;
  readonly engine: Engine;
  readonly health: Health;
  readonly log: Log;
  readonly limitMs: number;
  /** What lets nobody in from the first moment on: gateways, and work in the background. */
  readonly first: readonly Stoppable[];
  /** What answers until sessions have been told: the HTTP listeners. */
  readonly last: readonly Stoppable[];
}

/** How long peers may take to read what is left and to close, once all have been told. */
const farewellMs = 2_000;
/** The store is given this long even where everything else took the limit. */
const closeMs = 1_000;

/** The store was not closed within the limit. What was acknowledged is on disk all the same. */
export class DrainTimeout extends Error {
  override readonly name = "DrainTimeout";
}

/** Ends the server. Rejects with `DrainTimeout`. */
export async function drain(options: DrainOptions): Promise<void> {
  const { core, engine, health, log, limitMs, first, last } = options;
  const began = performance.now();
  const left = () => limitMs - (performance.now() - began);
  log.info("draining", { connections: core.traffic.open.size, limitMs });
  health.drain();
  const shut = Promise.all(first.map((part) => part.stop()));
  await core.drain(limitMs / 2);
  const ended = Promise.all([shut, ...last.map((part) => part.stop())]);
  const cut = !(await within(ended, Math.min(farewellMs, Math.max(0, left()))));
  if (!(await within(engine.close(), Math.max(closeMs, left())))) throw new DrainTimeout("the store does not close");
  const ms = Math.round(performance.now() - began);
  log.info("drained", { ms, ...(cut ? { cut: "peers that did not read or close in time" } : {}) });
}

/** Whether it was done in time; goes on otherwise. Rejects where it does. */
async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
