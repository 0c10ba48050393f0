/** Dead letters as tests compare them. */
import type { DeadLetter } from "@parley/protocol";
import { deadLetterLog, parseLetter } from "../src/core/dead-letters.ts";
import type { CoreFixture } from "./core-fixture.ts";

/** Everything in the dead-letter log, purged or not. */
export async function deadLetters({ engine }: Pick<CoreFixture, "engine">): Promise<DeadLetter[]> {
  const entries = await engine.read(deadLetterLog, 0, "forward", 1000);
  return entries.map(({ payload }) => parseLetter(payload));
}

/** The same in short: `reason log seq: pending`. */
export async function dead(fixture: Pick<CoreFixture, "engine">): Promise<string[]> {
  const letters = await deadLetters(fixture);
  return letters.map(({ reason, log, seq, pending }) => `${reason} ${log} ${seq}: ${pending.join(" ")}`);
}
