/** Where a session begins to read: at the positions that its peer brought, as far as they still count. */
import { type LogName, type Position, parseAddress, type ServerMessages } from "@parley/protocol";
import { readableBy } from "./reading-start.ts";
import type { Session } from "./session.ts";

/** Makes a session read all that its user reads; returns the positions that could not be resumed. */
export async function resume(session: Session, positions: readonly Position[]): Promise<ServerMessages["reset"][]> {
  const asked = new Map<LogName, Position>();
  for (const position of positions) {
    const address = parseAddress(position.log);
    if (address.ok) asked.set(address.value.key, position);
  }
  const resets: ServerMessages["reset"][] = [];
  for (const log of readableBy(session.user)) {
    const position = asked.get(log);
    const subscription = await session.read(log, position);
    if (!position || !subscription) continue;
    const { epoch } = subscription.topic;
    if (position.epoch !== epoch || position.seq !== subscription.sent)
      resets.push({ op: "reset", log, epoch, seq: subscription.sent });
  }
  return resets;
}
