/**
 * Tells sessions that the server goes down: each is answered what it has asked first. Where there are many they are told
 * a few at a time, and go on until then, so that they do not all connect elsewhere in the same moment.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Session } from "./session.ts";

const sessionsPerStep = 50;
const stepMs = 10;

/** Resolves when all were told, after `withinMs` at the latest, whether they were answered or not. */
export async function sayFarewell(sessions: readonly Session[], withinMs: number): Promise<void> {
  const timer = new AbortController();
  const enough = delay(withinMs, undefined, { signal: timer.signal }).catch(() => {});
  const steps = Math.ceil(sessions.length / sessionsPerStep);
  // The last of them has as long again to be answered.
  const pauseMs = Math.min(stepMs, withinMs / 2 / Math.max(1, steps));
  const leaving: Promise<void>[] = [];
  for (let at = 0; at < sessions.length; at += sessionsPerStep) {
    if (at > 0) await delay(pauseMs);
    for (const session of sessions.slice(at, at + sessionsPerStep))
      leaving.push(session.leave("shutting_down", "the server is going down", enough));
  }
  await Promise.all(leaving);
  timer.abort();
}
