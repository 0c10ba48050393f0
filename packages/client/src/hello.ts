/**
 * The first thing a client says. It has to fit into the little that a server takes from a stranger, so with very many
 * logs some positions stay out; for those the server starts at the device's own cursor and repeats are dropped here.
 */
import type { Position } from "@parley/protocol";

/** What a server takes in one frame before `welcome` (PROTOCOL.md, `frame_too_large`). */
const maxHelloBytes = 64 * 1024;
/** For braces, field names and the like. */
const reservedBytes = 256;

export interface HelloFields {
  readonly user: string | undefined;
  readonly token: string | undefined;
  readonly device: string | undefined;
  readonly window: number | undefined;
}

/** The text of a `hello` that resumes from as many of `positions` as fit. */
export function helloText(fields: HelloFields, positions: readonly Position[]): string {
  const encoder = new TextEncoder();
  const size = (value: unknown) => encoder.encode(JSON.stringify(value)).length + 1;
  let free = maxHelloBytes - reservedBytes - size(fields);
  const fitting = positions.filter((position) => {
    const bytes = size(position);
    if (bytes > free) return false;
    free -= bytes;
    return true;
  });
  return JSON.stringify({ op: "hello", ...fields, positions: fitting });
}
