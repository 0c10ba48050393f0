/**
 * The world as far as the client depends on it: time, timers and randomness. Everything that waits or draws a number
 * takes it from here, so that tests decide both. The system's own is the default; it works in browsers (outside of
 * secure contexts too) and in Node.
 */

/** Stops a timer that has not fired; does nothing after that. */
export type CancelTimer = () => void;

export interface Environment {
  /** Runs `run` once after `ms` milliseconds. */
  after(ms: number, run: () => void): CancelTimer;
  /** Runs `run` once when the present turn of the event loop is over. */
  soon(run: () => void): void;
  /** A number in [0, 1), for spreading retries. */
  random(): number;
  /** Bytes nobody can guess, for names and ids. */
  randomBytes(count: number): Uint8Array;
}

/** Longest delay that timers take: anything above fires at once. */
const maxDelayMs = 2 ** 31 - 1;

/** Timers and randomness of the running system. */
export const systemEnvironment: Environment = {
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, maxDelayMs));
    return () => clearTimeout(timer);
  },
  soon(run) {
    if (typeof setImmediate === "function") setImmediate(run);
    else setTimeout(run, 0);
  },
  random: () => Math.random(),
  randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
};

const digits = "0123456789abcdefghijklmnopqrstuv";

/** An unguessable name of 20 characters (100 bits): lower-case letters and digits, valid as a device and in a `clientId`. */
export function randomName(environment: Environment): string {
  let name = "";
  for (const byte of environment.randomBytes(20)) name += digits[byte & 31];
  return name;
}

/** Waits for `promise`, but not longer than `timeoutMs`. */
export async function within(environment: Environment, timeoutMs: number, promise: Promise<unknown>): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const cancel = environment.after(timeoutMs, timeout.resolve);
  await Promise.race([promise, timeout.promise]);
  cancel();
}
