/** Appends with sensible defaults, and what is read back: for tests of engines. */
import assert from "node:assert/strict";
import type { LogName } from "@parley/protocol";
import type { Append, Appended, AppendOutcome, Engine } from "../../packages/server/src/engine/engine.ts";

export const log = (name: string) => name as LogName;

/** An append with sensible defaults; `outcome` resolves when it is settled. */
export function message(
  logs: readonly string[],
  body: string,
  more: Partial<Pick<Append, "id" | "ts" | "origin" | "expiresAt" | "durability" | "dedupeKey" | "digest">> = {},
): Append & { readonly outcome: Promise<AppendOutcome> } {
  const { promise, resolve } = Promise.withResolvers<AppendOutcome>();
  const payload = JSON.stringify({ body });
  const defaults = {
    id: `id-${body}`,
    ts: 1,
    origin: "",
    expiresAt: 0,
    durability: "fsync",
    dedupeKey: undefined,
    digest: body,
  } as const;
  return { ...defaults, ...more, logs: logs.map(log), payload, settled: resolve, outcome: promise };
}

/** Appends and waits; throws where the engine refuses. */
export async function append(engine: Engine, ...args: Parameters<typeof message>): Promise<Appended> {
  const one = message(...args);
  engine.append(one);
  const outcome = await one.outcome;
  assert.ok(outcome.ok, outcome.ok ? "" : outcome.fault.message);
  return outcome;
}

export async function bodies(engine: Engine, name: string, from = 0, limit = 1000): Promise<string[]> {
  const entries = await engine.read(log(name), from, "forward", limit);
  return entries.map(({ payload }) => (JSON.parse(payload) as { body: string }).body);
}
