/**
 * Gives each message of the server to the part it is for, and brings all parts up after a reconnect. The only place
 * that knows which `op` concerns whom. Hot path: `received` runs for every frame.
 */
import { type Position, parseUser, type ServerMessage, type ServerMessages } from "@parley/protocol";
import { answeredError, ParleyError } from "./errors.ts";
import type { Welcome } from "./events.ts";
import type { Parts } from "./parts.ts";
import type { StoredState } from "./persistence.ts";

export class Router {
  readonly #parts: Parts;
  /** Folded name of the user whose positions these are. */
  #owner: string | undefined;
  #welcome: Welcome | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** What the server said last about this client; undefined before it was ever online. */
  get welcome(): Welcome | undefined {
    return this.#welcome;
  }

  /** Takes over what a former process left. Throws `wrong_user` when it belongs to somebody else than `user`. */
  restore(state: StoredState, user: string | undefined): void {
    if (state.user !== undefined && user !== undefined) checkOwner(state.user, user);
    this.#owner = state.user;
    for (const position of state.positions) this.#parts.cursors.set(position);
  }

  /** Throws `wrong_user` when positions and outbox belong to another user. */
  welcomed(welcome: Welcome): void {
    const { ledger, cursors } = this.#parts;
    if (this.#owner !== undefined) checkOwner(this.#owner, welcome.user);
    this.#owner = welcome.user;
    this.#welcome = welcome;
    ledger.write({ type: "identity", user: welcome.user, device: welcome.device });
    for (const position of welcome.positions) this.#startsAt(position);
    const read = new Set(welcome.positions.map(({ log }) => log));
    for (const log of cursors.logs) if (!read.has(log)) this.forget(log);
  }

  /** The connection takes messages again: everything unanswered goes out, questions (joins among them) first. */
  online(): void {
    const { requests, watches, outbox, acks, cursors } = this.#parts;
    requests.connected();
    watches.connected();
    outbox.connected(this.#welcome?.limits?.maxFrameBytes ?? Number.POSITIVE_INFINITY);
    for (const cursor of cursors.withReadMarks()) acks.mark(cursor);
  }

  received(message: ServerMessage): void {
    switch (message.op) {
      case "message":
        this.#parts.inbox.message(message);
        return;
      case "ok":
        this.#ok(message);
        return;
      case "error":
        this.#error(message);
        return;
      case "gap":
        this.#parts.inbox.gap(message);
        return;
      case "reset":
        this.#reset(message);
        return;
      case "live":
        this.#parts.inbox.live(this.#welcome?.session ?? "");
        return;
      case "page":
      case "rooms":
        this.#parts.requests.answered(message);
        return;
      case "presence":
        if (!this.#parts.requests.answered(message)) this.#parts.emitter.emit("presence", { users: message.users });
        return;
      case "receipt": {
        const { op: _, ...receipt } = message;
        this.#parts.emitter.emit("receipt", receipt);
        return;
      }
    }
  }

  /** The log is not read any more. */
  forget(log: string): void {
    this.#parts.cursors.delete(log);
    this.#parts.ledger.write({ type: "forget", log });
  }

  /** Delivery of a log starts after `position`. */
  #begin(position: Position): void {
    if (this.#parts.cursors.begin(position)) this.#record(position);
  }

  #startsAt(position: Position): void {
    const cursor = this.#parts.cursors.get(position.log);
    if (cursor && cursor.epoch !== "" && (cursor.epoch !== position.epoch || cursor.received < position.seq)) {
      this.#reset(position);
    } else this.#begin(position);
  }

  #reset({ log, epoch, seq }: Position): void {
    this.#record({ log, epoch, seq });
    this.#parts.inbox.reset({ log, epoch, seq });
  }

  #record(position: Position): void {
    this.#parts.ledger.write({ type: "position", position });
  }

  #ok(answer: ServerMessages["ok"]): void {
    const { outbox, inbox, requests } = this.#parts;
    const { positions = [], duplicate } = answer;
    const to = outbox.accepted(answer);
    if (to === undefined) {
      // A join's position counts at once: messages of that log may be right behind, and need its epoch to be stored.
      if (requests.answered(answer)) for (const position of positions) this.#begin(position);
      return;
    }
    // A duplicate may have been another device's, whose messages do come.
    if (duplicate) return;
    for (const position of positions) if (inbox.isNext(position) && !this.#namesUs(to)) inbox.own(position);
  }

  /** What names its own sender is sent back to it, wherever it went (PROTOCOL.md, "Copies"). */
  #namesUs(to: string | readonly string[]): boolean {
    const user = this.#welcome?.user;
    return (typeof to === "string" ? [to] : to).some((address) => user === undefined || isSameUser(address, user));
  }

  #error(answer: ServerMessages["error"]): void {
    if (this.#parts.outbox.refused(answer) || this.#parts.requests.answered(answer)) return;
    this.#parts.emitter.emit("error", { type: "server", error: answeredError(answer) });
  }
}

function isSameUser(one: string, other: string): boolean {
  const [a, b] = [parseUser(one), parseUser(other)];
  return a.ok && b.ok && a.value.key === b.value.key;
}

function checkOwner(owner: string, user: string): void {
  if (isSameUser(owner, user)) return;
  throw new ParleyError("wrong_user", `the persistence belongs to user "${owner}", not to "${user}"`);
}
