/** What was wrong with a request, as its peer is told (PROTOCOL.md, `error`). */
import type { Fault, ServerMessages } from "@parley/protocol";

/** What of a request its answer repeats. */
export interface About {
  readonly ref?: string;
  readonly clientId?: string;
}

/** The `error` for a fault; `retryAfter` in ms, where the fault has it. */
export function errorEvent(
  { code, message, retryAfterMs }: Fault,
  { ref, clientId }: About = {},
): ServerMessages["error"] {
  return {
    op: "error",
    ...(ref === undefined ? {} : { ref }),
    ...(clientId === undefined ? {} : { clientId }),
    code,
    message,
    ...(retryAfterMs === undefined ? {} : { retryAfter: retryAfterMs }),
  };
}
