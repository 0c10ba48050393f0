/**
 * Does what one peer asks one after the other. Most of it is done at once; where something has to be waited for (a
 * login), what comes after it waits, and the peer is not read from meanwhile.
 */
import type { Pausable } from "./flow-gate.ts";

/** Returns a promise where it is not done yet. */
export type Task = () => Promise<void> | undefined;

const carryOut = (task: Task) => task();

export interface TaskOwner {
  /** A task threw or rejected; the next one goes on. */
  failed(error: unknown): void;
}

export class TaskQueue {
  readonly #source: Pausable;
  readonly #owner: TaskOwner;
  /** None while nothing has to wait. */
  #waiting: Task[] | undefined;
  #busy = false;

  constructor(source: Pausable, owner: TaskOwner) {
    this.#source = source;
    this.#owner = owner;
  }

  run(task: Task): void {
    this.runWith(carryOut, task, undefined);
  }

  /** As `run(() => task(subject, what))`; a closure is made only where it has to wait. Hot path. */
  runWith<S, W>(task: (subject: S, what: W) => ReturnType<Task>, subject: S, what: W): void {
    if (!this.#busy) return this.#start(task, subject, what);
    this.#waiting ??= [];
    this.#waiting.push(() => task(subject, what));
  }

  #start<S, W>(task: (subject: S, what: W) => ReturnType<Task>, subject: S, what: W): void {
    try {
      const done = task(subject, what);
      if (!done) return;
      this.#busy = true;
      this.#source.pause();
      done.catch((error) => this.#owner.failed(error)).finally(() => this.#next());
    } catch (error) {
      this.#owner.failed(error);
    }
  }

  #next(): void {
    this.#busy = false;
    this.#source.resume();
    while (!this.#busy) {
      const task = this.#waiting?.shift();
      if (this.#waiting?.length === 0) this.#waiting = undefined;
      if (!task) return;
      this.#start(carryOut, task, undefined);
    }
  }
}
