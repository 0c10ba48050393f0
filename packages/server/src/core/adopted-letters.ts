/** Letters that a version wrote which kept no records of them. */
import type { Engine, RecordWrite } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import { deadLetterLog, letterKey, parseLetter } from "./dead-letters.ts";

const readEntries = 200;
const adoptedKey = "$dead letters adopted";

/**
 * Gives letters of a store that an earlier version wrote the records that this one goes by. Once per store. Rejects with
 * `StorageUnavailable`.
 */
export async function adoptLetters(engine: Engine): Promise<void> {
  const done = { kind: "counter", key: adoptedKey, value: { last: 1 } } as const;
  if ((await engine.scan("counter", adoptedKey)).length > 0) return;
  // A new store, as most are: nothing to read.
  const { tail } = await engine.head(deadLetterLog);
  let from = 0;
  while (from < tail) {
    const entries: Entry[] = await engine.read(deadLetterLog, from, "forward", readEntries);
    const last = entries.at(-1);
    if (last === undefined) break;
    await engine.write(
      entries.map(({ seq: letter, payload }): RecordWrite => {
        const { log, seq, epoch, reason, ts } = parseLetter(payload);
        return { kind: "letter", key: letterKey(log, seq, letter), value: { epoch, reason, ts } };
      }),
    );
    from = last.seq;
  }
  await engine.write([done]);
}
