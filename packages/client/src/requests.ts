/**
 * Questions to the server with one answer each (`join`, `history`, `users` …), matched by `ref`. They are asked again
 * after a reconnect and after `rate_limited`, because repeating any of them does no harm; one that has no answer in time rejects with `timeout`.
 */
import type { ClientMessages, ServerMessage, ServerMessages } from "@parley/protocol";
import type { CancelTimer, Environment } from "./environment.ts";
import { answeredError, ParleyError } from "./errors.ts";

/** Which answer belongs to which question. */
interface Answers {
  join: ServerMessages["ok"];
  leave: ServerMessages["ok"];
  watch: ServerMessages["ok"];
  unwatch: ServerMessages["ok"];
  renew: ServerMessages["ok"];
  history: ServerMessages["page"];
  users: ServerMessages["presence"];
  rooms: ServerMessages["rooms"];
}
type Question = { [Op in keyof Answers]: Omit<ClientMessages[Op], "ref"> };

interface Pending {
  readonly op: keyof Answers;
  readonly text: string;
  readonly cancelTimeout: CancelTimer;
  /** Set while it waits to be asked again. */
  cancelRepeat: CancelTimer | undefined;
  /** How often it was asked. */
  asked: number;
  resolve(answer: ServerMessage): void;
  reject(error: ParleyError): void;
}

export interface RequestsOptions {
  readonly timeoutMs: number;
  readonly environment: Environment;
  /** Sends a frame if connected, and says whether it did. */
  readonly send: (text: string) => boolean;
}

/** Where a refusal does not say when to ask again. */
const defaultRetryMs = 1000;

export class Requests {
  readonly #options: RequestsOptions;
  readonly #pending = new Map<string, Pending>();
  #nextRef = 1;
  #closed: ParleyError | undefined;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** Asks, now or when connected. Rejects with the server's error, with `timeout`, or when the client closes. */
  ask<Op extends keyof Answers>(question: Question[Op]): Promise<Answers[Op]> {
    if (this.#closed) return Promise.reject(this.#closed);
    const op = question.op as Op;
    const ref = `r${(this.#nextRef++).toString(36)}`;
    const text = JSON.stringify({ ...question, ref });
    return new Promise((resolve, reject) => {
      const { environment, timeoutMs, send } = this.#options;
      const cancelTimeout = environment.after(timeoutMs, () => {
        this.#pending.get(ref)?.cancelRepeat?.();
        this.#pending.delete(ref);
        reject(new ParleyError("timeout", `no answer to "${op}" within ${timeoutMs} ms`));
      });
      const settle = resolve as (answer: ServerMessage) => void;
      const asked = send(text) ? 1 : 0;
      this.#pending.set(ref, { op, text, cancelTimeout, cancelRepeat: undefined, asked, resolve: settle, reject });
    });
  }

  /** Asks everything again that has no answer yet. */
  connected(): void {
    for (const pending of this.#pending.values()) this.#askAgain(pending);
  }

  #askAgain(pending: Pending): void {
    pending.cancelRepeat?.();
    pending.cancelRepeat = undefined;
    if (this.#options.send(pending.text)) pending.asked += 1;
  }

  /** Takes an answer. False when it answers no question of ours. */
  answered(message: ServerMessage & { readonly ref?: string }): boolean {
    const pending = message.ref === undefined ? undefined : this.#pending.get(message.ref);
    if (!pending) return false;
    if (message.op === "error" && message.code === "rate_limited") {
      const { retryAfter = defaultRetryMs } = message;
      pending.asked -= 1;
      pending.cancelRepeat = this.#options.environment.after(retryAfter, () => this.#askAgain(pending));
      return true;
    }
    this.#pending.delete(message.ref as string);
    pending.cancelTimeout();
    // The first `leave` was done and only its answer was lost.
    const leftBefore =
      pending.op === "leave" && pending.asked > 1 && "code" in message && message.code === "not_member";
    if (message.op === "error" && !leftBefore) pending.reject(answeredError(message));
    else pending.resolve(message);
    return true;
  }

  close(error: ParleyError): void {
    this.#closed = error;
    for (const { cancelTimeout, cancelRepeat, reject } of this.#pending.values()) {
      cancelTimeout();
      cancelRepeat?.();
      reject(error);
    }
    this.#pending.clear();
  }
}
