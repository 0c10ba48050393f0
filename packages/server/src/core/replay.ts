/**
 * The message of a dead letter, sent again: a new message of the same sender that names the first one's id. Used by
 * `letter-book.ts`, which sees to it that it happens once.
 */
import {
  fail,
  type Letter,
  type LogName,
  ok,
  parseAddress,
  type Replayed,
  type Result,
  type UserKey,
} from "@parley/protocol";
import type { AppendOutcome } from "../engine/engine.ts";
import { letterKey } from "./dead-letters.ts";
import { encodeContent, encodePayload } from "./message.ts";
import type { Services } from "./services.ts";

/** Stores the letter's message anew, and in the same write the mark that it was. Rejects never. */
export async function sendAgain(
  { engine, clock, newId, hub, directory }: Services,
  letter: Letter,
  { key, name }: { readonly key: LogName; readonly name: string },
): Promise<Result<Replayed>> {
  const { from, id: replayOf, body, encoding, contentType, type } = letter.message;
  const id = newId();
  const ts = clock.now();
  const content = encodeContent({
    op: "send",
    to: name,
    body,
    ...(encoding && { encoding }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(type === undefined ? {} : { type }),
  });
  const envelope = { id, from, to: JSON.stringify(name), ts, expiresAt: 0, clientId: undefined, receipt: false };
  const { epoch, reason, ts: diedAt, log, seq } = letter;
  const value = { epoch, reason, ts: diedAt, replayed: { id, ts, to: name } };
  const payload = encodePayload(envelope, `${content},"replayOf":"${replayOf}"`);
  // It waits for the user like any other, however much does: an operator wants it there.
  const inbox = directory.users.get(key as UserKey)?.inbox;
  inbox?.expect(payload.length);
  const outcome = await new Promise<AppendOutcome>((settled) =>
    engine.append({
      id,
      ts,
      logs: [key],
      payload,
      origin: "",
      expiresAt: 0,
      durability: "fsync",
      dedupeKey: undefined,
      digest: "",
      records: () => [{ kind: "letter", key: letterKey(log, seq, letter.letter), value }],
      settled: (what) => {
        if (what.ok) {
          for (const entry of what.entries) {
            hub.publish(entry);
            inbox?.stored(entry.seq, payload.length);
          }
        } else inbox?.missed(payload.length);
        settled(what);
      },
    }),
  );
  return outcome.ok ? ok({ letter: letter.letter, id, ts, to: name, duplicate: false }) : outcome;
}

/** The address of that name, if there is such a user or room. */
export function recipientOf({ directory }: Services, text: string): Result<{ key: LogName; name: string }> {
  const parsed = parseAddress(text);
  if (!parsed.ok) return parsed;
  const address = parsed.value;
  if (address.kind === "everyone") return ok(address);
  const known = address.kind === "user" ? directory.users.get(address.key) : directory.rooms.get(address.key);
  if (known) return ok(known);
  return address.kind === "user"
    ? fail("unknown_user", `there is no user ${address.name}: replay it to another address`)
    : fail("unknown_room", `there is no room ${address.name}: replay it to another address`);
}
