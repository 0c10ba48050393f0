/**
 * The one error that the client rejects with: the server's code from the protocol's error table, or one of the
 * client's own below. Applications branch on `code`, never on the text.
 */
import type { ErrorCode } from "@parley/protocol";

/**
 * What the client itself can fail with: `closed` (the client was closed), `outbox_full` (too many sends
 * wait), `timeout` (no answer in time), `unreachable` (gave up after `backoff.attempts`), `disconnected` (the connection
 * was lost), `bad_answer` (the server sent what is not the protocol), `bad_argument` (this call can never succeed),
 * `wrong_user` (the persistence belongs to another user), `persistence_failed`.
 */
export type ClientErrorCode =
  | "closed"
  | "outbox_full"
  | "timeout"
  | "unreachable"
  | "disconnected"
  | "bad_answer"
  | "bad_argument"
  | "wrong_user"
  | "persistence_failed";

/** Any code, those of newer servers included. */
export type ParleyErrorCode = ErrorCode | ClientErrorCode | (string & {});

export class ParleyError extends Error {
  override readonly name = "ParleyError";
  readonly code: ParleyErrorCode;
  /** Milliseconds after which trying again makes sense, where the server said so. */
  readonly retryAfter: number | undefined;

  constructor(code: ParleyErrorCode, message: string, options: { retryAfter?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfter = options.retryAfter;
  }
}

/** The error that an answer of the server (`error` or `bye`) stands for. */
export function answeredError(answer: { code: string; message: string; retryAfter?: number }): ParleyError {
  return new ParleyError(
    answer.code,
    answer.message,
    answer.retryAfter === undefined ? {} : { retryAfter: answer.retryAfter },
  );
}

/** Anything thrown, as a `ParleyError`: itself where it is one, otherwise wrapped under `code`. */
export function asParleyError(thrown: unknown, code: ClientErrorCode): ParleyError {
  if (thrown instanceof ParleyError) return thrown;
  return new ParleyError(code, thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}

/** What everything ends with that a closed client still had under way. */
export function closedError(): ParleyError {
  return new ParleyError("closed", "the client was closed");
}
