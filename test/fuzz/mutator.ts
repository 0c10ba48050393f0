/**
 * Makes inputs out of recorded traffic: the n-th input of a seed is always the same. An input is the bytes of one
 * connection (or some datagrams), how fast they come, and how the connection ends.
 */
import { Random } from "../../tools/replay/random.ts";
import { clientFrame } from "../native/web-socket-wire.ts";
import type { FuzzedListener } from "./listeners.ts";
import { byteMutations, payloadMutations, pick, requestMutations } from "./mutations.ts";
import { encodeUnit, type Recording, readRecordings, tokenPlaceholder, type Unit } from "./recording.ts";

/**
 * at once: in one write; pieces: some bytes in each turn; drip: one byte a second, for as long as it is let; unread: the
 * answers are not read; silent: nothing comes after it.
 */
export type Pace = "at once" | "pieces" | "drip" | "unread" | "silent";
export type Ending = "cut" | "end" | "reset";

export interface Input {
  readonly listener: FuzzedListener;
  /** What it was made of, to be printed. */
  readonly from: string;
  readonly chunks: readonly Buffer[];
  readonly pace: Pace;
  readonly ending: Ending;
}

interface Recorded {
  readonly listener: FuzzedListener;
  readonly recordings: readonly Recording[];
}

const maxBytes = 128 * 1024;
/** Datagrams beyond it cannot be sent (RFC 768). */
const maxDatagramBytes = 65_507;

export class Mutator {
  readonly #seed: number;
  readonly #token: () => string;
  readonly #recordings: readonly Recorded[];

  /** `token` is put where the recorded client sent one. */
  constructor(seed: number, listeners: readonly FuzzedListener[], token: () => string) {
    this.#seed = seed;
    this.#token = token;
    this.#recordings = listeners.map((listener) => ({
      listener,
      recordings: readRecordings(listener.name, listener.carrier),
    }));
  }

  /** The input of that number: listeners take turns. */
  input(number: number): Input {
    const random = new Random(this.#seed, `input ${number}`);
    const { listener, recordings } = this.#recordings[number % this.#recordings.length] as Recorded;
    const recording = pick(random, recordings);
    const others = pick(random, this.#recordings);
    let units = [...recording.units];
    if (random.below(3) === 0) units = reorder(random, units, pick(random, others.recordings).units);
    const changes = 1 + random.below(3);
    const wire = units.map((unit) => encodeUnit(unit, listener.carrier));
    for (let left = changes; left > 0 && units.length > 0; left--) {
      const at = random.below(units.length);
      wire[at] = changeUnit(random, units[at] as Unit, listener.carrier);
    }
    return {
      listener,
      from: recording.name,
      chunks: listener.carrier === "datagram" ? this.#datagrams(wire) : this.#stream(random, wire),
      pace:
        random.below(100) < 90
          ? pick(random, ["at once", "at once", "pieces"])
          : pick(random, ["drip", "unread", "silent"]),
      ending: pick(random, ["cut", "cut", "end", "reset"]),
    };
  }

  #datagrams(wire: readonly Buffer[]): Buffer[] {
    return wire.map((bytes) => bytes.subarray(0, maxDatagramBytes));
  }

  #stream(random: Random, wire: readonly Buffer[]): Buffer[] {
    let bytes: Buffer = Buffer.concat(wire);
    // Sometimes the stream as a whole, so that frames lose their places.
    if (random.below(4) === 0) bytes = pick(random, byteMutations)(random, bytes);
    const text =
      bytes.includes(tokenPlaceholder) && bytes.toString("latin1").replaceAll(tokenPlaceholder, this.#token());
    if (text) bytes = Buffer.from(text, "latin1");
    bytes = bytes.subarray(0, maxBytes);
    const pieces = 1 + random.below(24);
    const size = Math.ceil(bytes.length / pieces) || 1;
    return Array.from({ length: pieces }, (_, n) => bytes.subarray(n * size, (n + 1) * size)).filter(
      ({ length }) => length > 0,
    );
  }
}

/** Left out, said twice, in another order, or with what another protocol says in between. */
function reorder(random: Random, units: readonly Unit[], foreign: readonly Unit[]): Unit[] {
  const changed = [...units];
  const at = random.below(changed.length);
  switch (random.below(4)) {
    case 0:
      changed.splice(at, 1);
      break;
    case 1:
      changed.splice(at, 0, ...new Array<Unit>(1 + random.below(30)).fill(changed[at] as Unit));
      break;
    case 2: {
      const [moved] = changed.splice(at, 1);
      if (moved) changed.splice(random.below(changed.length + 1), 0, moved);
      break;
    }
    default:
      changed.splice(at, 0, pick(random, foreign));
  }
  return changed;
}

function changeUnit(random: Random, unit: Unit, carrier: FuzzedListener["carrier"]): Buffer {
  if (unit.kind === "request") {
    const changed = pick(random, requestMutations)(random, unit.payload);
    // What is behind the head is a body: it may be JSON.
    const body = changed.indexOf("\r\n\r\n") + 4;
    if (random.below(2) === 0 || body < 4 || body >= changed.length) return changed;
    const said = pick(random, payloadMutations)(random, changed.subarray(body));
    const head = changed.toString("latin1", 0, body).replace(/(content-length: *)\d+/i, `$1${said.length}`);
    return Buffer.concat([Buffer.from(head, "latin1"), said]);
  }
  const said = pick(random, payloadMutations)(random, unit.payload);
  if (carrier === "websocket") return changeFrame(random, said, unit.opcode);
  if (carrier === "length" && random.below(4) === 0) return lieAboutLength(random, said);
  return encodeUnit({ ...unit, payload: said, kind: carrier === "datagram" ? "datagram" : "frame" }, carrier);
}

function lieAboutLength(random: Random, payload: Buffer): Buffer {
  const lie = pick(random, [
    0,
    1,
    payload.length - 1,
    payload.length + 1,
    65_536,
    2 ** 20,
    2 ** 24,
    2 ** 31,
    2 ** 32 - 1,
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Math.max(0, lie));
  return Buffer.concat([length, payload]);
}

/** A frame with something wrong in its header, or not (RFC 6455, section 5.2). */
function changeFrame(random: Random, payload: Buffer, opcode: number): Buffer {
  switch (random.below(8)) {
    case 0:
      return clientFrame(payload, { opcode: random.below(16) });
    case 1:
      return clientFrame(payload, { opcode, reserved: 1 + random.below(7) });
    case 2:
      return clientFrame(payload, { opcode, masked: false });
    case 3:
      return clientFrame(payload, {
        opcode,
        length: pick(random, [0n, 1n, 125n, 126n, 65_535n, 2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]),
      });
    case 4: {
      // In fragments, with a control frame between, and now and then without an end.
      const cut = random.below(payload.length + 1);
      const control = clientFrame(payload.subarray(0, random.below(200)), { opcode: 8 + random.below(3) });
      const last = clientFrame(payload.subarray(cut), { opcode: 0, fin: random.below(4) > 0 });
      return Buffer.concat([clientFrame(payload.subarray(0, cut), { opcode, fin: false }), control, last]);
    }
    case 5:
      return Buffer.concat(
        Array.from({ length: 40 }, () => clientFrame(payload.subarray(0, 8), { opcode: 0, fin: false })),
      );
    default:
      return clientFrame(payload, { opcode });
  }
}
