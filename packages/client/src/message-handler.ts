/**
 * Consumes the inbox with the application's handler (`client.on("message", handler)`): one message at a time, the next
 * when the promise that the handler returned has resolved. A handler that returns none is called in a plain loop. Hot path.
 */
import type { Consumer, Delivery, Inbox } from "./inbox.ts";
import type { Message } from "./message.ts";

export type MessageHandler = (message: Message) => unknown;

export class HandlerConsumer implements Consumer {
  readonly #inbox: Inbox;
  readonly #handler: MessageHandler;
  readonly #detach: () => void;
  #running = false;
  #detached = false;
  #idle: (() => void)[] = [];

  constructor(inbox: Inbox, handler: MessageHandler) {
    this.#inbox = inbox;
    this.#handler = handler;
    this.#detach = inbox.attach(this);
  }

  ready(): void {
    if (this.#running) return;
    this.#running = true;
    this.#run();
  }

  closed(): void {}

  /** No message will be handed to the handler any more. */
  detach(): void {
    this.#detached = true;
    this.#detach();
  }

  /** Resolves when the handler is not at work on a message. */
  idle(): Promise<void> {
    return this.#running ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve();
  }

  #run(): void {
    while (!this.#detached) {
      const delivery = this.#inbox.take();
      if (!delivery) break;
      let result: unknown;
      try {
        result = this.#handler(delivery.message);
      } catch (error) {
        this.#inbox.failed(delivery, error);
        continue;
      }
      if (isPromise(result)) {
        this.#await(delivery, result);
        return;
      }
      this.#inbox.done(delivery);
    }
    this.#running = false;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  #await(delivery: Delivery, result: PromiseLike<unknown>): void {
    result.then(
      () => {
        this.#inbox.done(delivery);
        this.#run();
      },
      (error: unknown) => {
        this.#inbox.failed(delivery, error);
        this.#run();
      },
    );
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
