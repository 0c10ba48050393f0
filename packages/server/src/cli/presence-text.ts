/** Whether somebody is there, in words. */
import type { Presence } from "@parley/client";

/** `online`, or since when not; `time` writes milliseconds since the epoch. */
export function presenceText({ online, lastSeen }: Presence, time: (ms: number) => string): string {
  if (online) return "online";
  return lastSeen === undefined ? "offline" : `last seen ${time(lastSeen)}`;
}
