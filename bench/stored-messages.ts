/** Fills an engine with direct messages of 100 bytes, each with a `clientId` and a copy in the sender's log. */
import type { LogName } from "@parley/protocol";
import type { Append, Engine } from "../packages/server/src/engine/engine.ts";

const inFlight = 400;
const body = "x".repeat(100);

function direct(number: number, users: number, settled: Append["settled"]): Append {
  const id = `01930000-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;
  // Of now: a server on this store may have a retention.
  const ts = Date.now();
  const sender = `user-${(number * 7919) % users}`;
  const receiver = `user-${(number * 104_729 + 1) % users}`;
  const payload = `{"id":"${id}","from":"${sender}","to":"${receiver}","ts":${ts},"body":"${body}"}`;
  const logs = [...new Set([receiver, sender])] as LogName[];
  return {
    id,
    ts,
    logs,
    payload,
    origin: "",
    expiresAt: 0,
    durability: "fsync",
    dedupeKey: `${sender} client-${number}`,
    digest: "digest",
    settled,
  };
}

/** Appends messages between `users` users, number `from` to `from + count`, `inFlight` at a time. */
export function appendMessages(engine: Engine, users: number, from: number, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let next = from;
    let done = 0;
    const one = () => {
      engine.append(
        direct(next++, users, (outcome) => {
          if (!outcome.ok) return reject(new Error(outcome.fault.message));
          if (outcome.duplicate) return reject(new Error("a new clientId was taken for a repeat"));
          done += 1;
          if (next < from + count) one();
          else if (done === count) resolve();
        }),
      );
    };
    for (let i = 0; i < Math.min(inFlight, count); i++) one();
  });
}
