/**
 * Does what one peer asks one after the other. Most of it is done at once; where something has to be waited for (a
 * login), what comes after it waits, and the peer is not read from meanwhile.
 */
import type { Pausable } from "./flow-gate.ts";

/** Returns a promise where it is not done yet. */
export type Task = () => Promise<void> | undefined;

export class TaskQueue {
  readonly #source: Pausable;
  readonly #onError: (error: unknown) => void;
  readonly #waiting: Task[] = [];
  #busy = false;

  /** `onError` is told of a task that threw or rejected; the next one goes on. */
  constructor(source: Pausable, onError: (error: unknown) => void) {
    this.#source = source;
    this.#onError = onError;
  }

  run(task: Task): void {
    if (this.#busy) this.#waiting.push(task);
    else this.#start(task);
  }

  #start(task: Task): void {
    try {
      const done = task();
      if (!done) return;
      this.#busy = true;
      this.#source.pause();
      done.catch(this.#onError).finally(() => this.#next());
    } catch (error) {
      this.#onError(error);
    }
  }

  #next(): void {
    this.#busy = false;
    this.#source.resume();
    while (!this.#busy) {
      const task = this.#waiting.shift();
      if (!task) return;
      this.#start(task);
    }
  }
}
