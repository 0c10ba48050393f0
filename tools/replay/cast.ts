/** Everybody who ever appeared in the run: a nick is the same participant in every file. */

import { Network } from "./network.ts";
import { type Nick, scribeName, userNameOf } from "./nick-mapping.ts";
import { Participant } from "./participant.ts";
import type { SocketFinder } from "./socket-finder.ts";

export class Cast {
  readonly #urls: readonly string[];
  readonly #finder: SocketFinder;
  readonly #byName = new Map<string, Participant>();
  readonly #names = new Map<Nick, string>();

  /** `urls` are taken in turn. */
  constructor(urls: readonly string[], finder: SocketFinder) {
    this.#urls = urls;
    this.#finder = finder;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Messages that arrived at anybody, repeats included. */
  get received(): number {
    let sum = 0;
    for (const participant of this.#byName.values()) sum += participant.received;
    return sum;
  }

  participant(nick: Nick): Participant {
    const name = this.#names.get(nick) ?? userNameOf(nick);
    this.#names.set(nick, name);
    return this.#named(name);
  }

  /** Who carries what nobody said. */
  scribe(): Participant {
    return this.#named(scribeName);
  }

  #named(name: string): Participant {
    const known = this.#byName.get(name);
    if (known) return known;
    const url = this.#urls[this.#byName.size % this.#urls.length] ?? "";
    const participant = new Participant({ name, url, network: new Network(this.#finder) });
    this.#byName.set(name, participant);
    return participant;
  }
}
