/**
 * Consumes the inbox as an async iterator (`for await (const message of client.messages())`). Asking for the next
 * message says that the former ones are handled; leaving the loop (break, return, throw) does not, so the message in hand
 * goes to the next consumer unless it was acknowledged by hand. Ends when the client closes; throws if it closed by a fault.
 */
import type { Consumer, Delivery, Inbox } from "./inbox.ts";
import type { Message } from "./message.ts";

interface Waiter {
  resolve(result: IteratorResult<Message, undefined>): void;
  reject(error: unknown): void;
}

export class MessageStream implements Consumer, AsyncIterableIterator<Message, undefined> {
  readonly #inbox: Inbox;
  readonly #detach: () => void;
  #waiters: Waiter[] = [];
  #inHand: Delivery[] = [];
  #end: { readonly error: unknown } | undefined;

  constructor(inbox: Inbox) {
    this.#inbox = inbox;
    this.#detach = inbox.attach(this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    this.#finish();
    if (this.#end) return this.#ended(this.#end.error);
    const delivery = this.#waiters.length === 0 ? this.#inbox.take() : undefined;
    if (delivery) {
      this.#inHand.push(delivery);
      return Promise.resolve({ value: delivery.message, done: false });
    }
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  async return(): Promise<IteratorResult<Message, undefined>> {
    this.#detach();
    this.closed(undefined);
    const unfinished = this.#inHand;
    this.#inHand = [];
    this.#inbox.giveBack(unfinished);
    return { value: undefined, done: true };
  }

  ready(): void {
    while (this.#waiters.length > 0) {
      const delivery = this.#inbox.take();
      if (!delivery) return;
      this.#inHand.push(delivery);
      this.#waiters.shift()?.resolve({ value: delivery.message, done: false });
    }
  }

  closed(error: unknown): void {
    this.#end ??= { error };
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) this.#ended(error).then(waiter.resolve, waiter.reject);
  }

  #finish(): void {
    const handled = this.#inHand;
    if (handled.length === 0) return;
    this.#inHand = [];
    for (const delivery of handled) this.#inbox.done(delivery);
  }

  /** Throws the fault once, ends from then on. */
  #ended(error: unknown): Promise<IteratorResult<Message, undefined>> {
    if (error === undefined) return Promise.resolve({ value: undefined, done: true });
    this.#end = { error: undefined };
    return Promise.reject(error);
  }
}
