/** Which messages to a room have reached all of its receivers, of those that are under way in a closed loop. */
export class Reached {
  readonly #size: number;
  readonly #inFlight: number;
  /** How many messages each receiver has. */
  readonly #has: Uint32Array;
  /** How many receivers have it, by message, for as many as are under way. */
  readonly #receivers: Uint32Array;

  constructor(size: number, inFlight: number) {
    this.#size = size;
    this.#inFlight = inFlight;
    this.#has = new Uint32Array(size);
    this.#receivers = new Uint32Array(inFlight);
  }

  /** A receiver has got `count` more. Returns how many messages everybody has now that somebody lacked before. */
  add(receiver: number, count: number): number {
    const first = this.#has[receiver] as number;
    this.#has[receiver] = first + count;
    let freed = 0;
    for (let message = first; message < first + count; message++) {
      const place = message % this.#inFlight;
      const receivers = (this.#receivers[place] as number) + 1;
      this.#receivers[place] = receivers === this.#size ? 0 : receivers;
      if (receivers === this.#size) freed += 1;
    }
    return freed;
  }
}
