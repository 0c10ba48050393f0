/**
 * Where an event stream stands, as the `id` of its events: every log that it reads with epoch and seq, so that whoever
 * comes back with it as `Last-Event-ID` goes on after exactly what it had, on any server with the store. ASCII, as a
 * header has to be: `alice:k3j2:12,%23general:k3j2:7,*:k3j2:1`.
 */
import { fail, type LogName, ok, type Position, parseAddress, type Result } from "@parley/protocol";

/** Longest id that is sent: a request's header fields may have 16 KiB together. */
export const maxIdLength = 8192;

const part = /^([^:,]{1,1024}):([^:,]{1,64}):(\d{1,16})$/;

export class StreamPositions {
  readonly #positions = new Map<string, { readonly epoch: string; readonly seq: number }>();

  set(log: string, epoch: string, seq: number): void {
    this.#positions.set(log, { epoch, seq });
  }

  /** The log is past `seq`, in the epoch that it is in. */
  passed(log: string, seq: number): void {
    const known = this.#positions.get(log);
    if (known) this.#positions.set(log, { epoch: known.epoch, seq });
  }

  /** The id of an event after which the stream is where it is now; undefined: it would be too long. Leaves out what is not `read` any more. */
  id(read: { has(log: LogName): boolean }): string | undefined {
    const parts: string[] = [];
    for (const [log, { epoch, seq }] of this.#positions) {
      if (read.has(log as LogName)) parts.push(`${encodeURIComponent(log)}:${epoch}:${seq}`);
      else this.#positions.delete(log);
    }
    const id = parts.join(",");
    return id.length <= maxIdLength ? id : undefined;
  }
}

/** Reads an id that was given out. Faults: `bad_message`. */
export function parseStreamId(id: string): Result<Position[]> {
  const positions: Position[] = [];
  for (const text of id === "" ? [] : id.split(",")) {
    const [, name = "", epoch = "", seq = ""] = part.exec(text) ?? [];
    const log = parseAddress(decode(name));
    if (!log.ok || !Number.isSafeInteger(Number(seq)))
      return fail("bad_message", "Last-Event-ID is not an id of this stream's events");
    positions.push({ log: log.value.key, epoch, seq: Number(seq) });
  }
  return ok(positions);
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return "";
  }
}
