/**
 * A client says that it will not have a message: an acknowledgement that leaves a dead letter. Whether one is due is
 * decided when the command comes; an `ack` behind it waits until the letter is on disk.
 */
import { type ClientMessages, fail, ok, type Result, type ServerMessages } from "@parley/protocol";
import { pendingOf } from "./readers.ts";
import type { Services } from "./services.ts";
import type { Session } from "./session.ts";
import type { Subscription } from "./subscription.ts";

/** What is left to do when those requests are done that came before. Rejects with `StorageUnavailable`. */
export type Rejection = () => Promise<Result<ServerMessages["ok"]>>;

/**
 * Decides; what it returns leaves the dead letter, unless a device of the user has acknowledged the message, and then
 * acknowledges up to it. Faults: `bad_message` where the message was not sent to the session.
 */
export function planRejection(
  { engine, cursors, deadLetters }: Services,
  session: Session,
  subscription: Subscription,
  { seq, reason }: ClientMessages["reject"],
): Result<Rejection> {
  const { log, epoch } = subscription.topic;
  if (seq > subscription.sent) return fail("bad_message", `reject: seq ${seq} was not sent to this session`);
  const { user } = session;
  const reader = { user, acked: Math.max(subscription.acked, cursors.known(user.key, log, epoch)) };
  subscription.rejecting += 1;
  return ok(async () => {
    try {
      const [entry] = await engine.read(log, seq - 1, "forward", 1);
      if (entry?.seq === seq && entry.epoch === epoch && pendingOf([reader], entry).length > 0)
        await deadLetters.ofReader("rejected", entry, user, reason);
    } finally {
      subscription.rejecting -= 1;
    }
    if (!session.ended && session.subscriptions.get(log) === subscription) session.ack(subscription, seq);
    return ok({ op: "ok" });
  });
}
