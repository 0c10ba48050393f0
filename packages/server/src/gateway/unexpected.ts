/** What a peer is told when a request threw: the one place where gateways turn exceptions into faults. */
import { fail, type Result } from "@parley/protocol";
import { StorageUnavailable } from "../engine/engine.ts";
import type { GatewayLog } from "./gateway.ts";

const retryMs = 1000;

/** `storage_unavailable` where the store could not serve; anything else is a bug, which is logged, and `internal`. */
export function unexpected(error: unknown, gateway: string, log: GatewayLog): Result<never> {
  if (error instanceof StorageUnavailable)
    return fail("storage_unavailable", "the store cannot serve this now", retryMs);
  log.error(`bug in ${gateway}`, error);
  return fail("internal", "a bug in the server; it is in its log");
}
