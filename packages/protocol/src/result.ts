/**
 * Expected failures are values: a `Result` is either what was asked for or a `Fault` with a code from the one
 * error table (`errors.ts`). Bugs throw; the gateway port catches them in one place and answers `internal`.
 */
import type { ErrorCode } from "./errors.ts";

export interface Fault {
  readonly code: ErrorCode;
  /** For people: says what was wrong and, where it helps, what to do. Never matched on. */
  readonly message: string;
  /** Milliseconds after which trying again makes sense. */
  readonly retryAfterMs?: number;
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault };

/** Wraps a value as a success. */
export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** Makes a failure with a code of the error table and a sentence for people. */
export function fail(
  code: ErrorCode,
  message: string,
  retryAfterMs?: number,
): { readonly ok: false; readonly fault: Fault } {
  return { ok: false, fault: retryAfterMs === undefined ? { code, message } : { code, message, retryAfterMs } };
}
