/** A stored message at its place in a log, as the API shows it: spliced, not built again. */
import type { Entry } from "../../engine/entry.ts";

/** `Message` of the OpenAPI document. Log names have no character that JSON escapes. */
export function encodeMessage({ log, seq, payload }: Entry): string {
  return `{"log":"${log}","seq":${seq},${payload.slice(1)}`;
}
