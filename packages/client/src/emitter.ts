/**
 * A small typed emitter, because the browser path has no `node:events`. A listener that throws (or whose promise
 * rejects) is reported through a hook and disturbs neither the emitter nor the other listeners.
 */

export type Listener<Event> = (event: Event) => unknown;
/** Ends a subscription; harmless when called again. */
export type Unsubscribe = () => void;

export interface EmitterHooks<Events extends object> {
  /** A listener of `event` failed. */
  failed(error: unknown, event: keyof Events): void;
  /** Nobody listens to `name`. */
  unheard<Name extends keyof Events>(name: Name, event: Events[Name]): void;
}

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, readonly Listener<never>[]>();
  readonly #hooks: EmitterHooks<Events>;

  constructor(hooks: EmitterHooks<Events>) {
    this.#hooks = hooks;
  }

  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): Unsubscribe {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener as Listener<never>]);
    return () => this.off(name, listener);
  }

  off<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    const listeners = this.#listeners.get(name) ?? [];
    const index = listeners.indexOf(listener as Listener<never>);
    if (index >= 0) this.#listeners.set(name, listeners.toSpliced(index, 1));
  }

  /** Calls the listeners in the order of subscription; one that subscribes meanwhile is not called. */
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    const listeners = this.#listeners.get(name) as readonly Listener<Events[Name]>[] | undefined;
    if (!listeners || listeners.length === 0) {
      this.#hooks.unheard(name, event);
      return;
    }
    for (const listener of listeners) {
      try {
        const result = listener(event);
        if (result instanceof Promise) result.catch((error: unknown) => this.#hooks.failed(error, name));
      } catch (error) {
        this.#hooks.failed(error, name);
      }
    }
  }
}
