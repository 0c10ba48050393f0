/** Waiting in tests: for a condition, never for a time. */
import { setTimeout } from "node:timers/promises";

/** Resolves once `condition` holds; rejects with `what` after `timeoutMs`. */
export async function until(what: string, condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await setTimeout(1);
  }
}

/** Resolves when the microtasks that are queued have run, those queued by them included. */
export async function settle(): Promise<void> {
  for (let n = 0; n < 20; n++) await Promise.resolve();
}
