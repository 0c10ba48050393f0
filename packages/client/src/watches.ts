/**
 * Whose presence the application wants to know. The server keeps watches per connection, so they are set up again
 * after each reconnect.
 */
import { parseUser } from "@parley/protocol";
import type { Requests } from "./requests.ts";

/** The protocol's bound on one list. */
const maxUsersPerWatch = 1000;

export class Watches {
  readonly #requests: Requests;
  readonly #send: (text: string) => boolean;
  readonly #users = new Map<string, string>();
  #everybody = false;

  constructor(requests: Requests, send: (text: string) => boolean) {
    this.#requests = requests;
    this.#send = send;
  }

  async watch(users: readonly string[] | undefined): Promise<void> {
    if (users) for (const user of users) this.#users.set(fold(user), user);
    else this.#everybody = true;
    try {
      if (!users) await this.#requests.ask({ op: "watch" });
      for (const part of parts(users ?? [])) await this.#requests.ask<"watch">({ op: "watch", users: part });
    } catch (error) {
      this.#forget(users);
      throw error;
    }
  }

  async unwatch(users: readonly string[] | undefined): Promise<void> {
    this.#forget(users);
    if (!users) {
      this.#users.clear();
      await this.#requests.ask<"unwatch">({ op: "unwatch" });
    }
    for (const part of parts(users ?? [])) await this.#requests.ask<"unwatch">({ op: "unwatch", users: part });
  }

  /** Sets the watches up on a new connection. */
  connected(): void {
    if (this.#everybody) this.#send(JSON.stringify({ op: "watch" }));
    for (const users of parts([...this.#users.values()])) this.#send(JSON.stringify({ op: "watch", users }));
  }

  #forget(users: readonly string[] | undefined): void {
    if (users) for (const user of users) this.#users.delete(fold(user));
    else this.#everybody = false;
  }
}

function fold(user: string): string {
  const parsed = parseUser(user);
  return parsed.ok ? parsed.value.key : user;
}

function parts(users: readonly string[]): string[][] {
  const lists: string[][] = [];
  for (let start = 0; start < users.length; start += maxUsersPerWatch)
    lists.push(users.slice(start, start + maxUsersPerWatch));
  return lists;
}
