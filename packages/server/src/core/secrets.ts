/** Secrets that the server makes for itself, each once, so that what was signed with them outlives a restart. */
import type { Engine } from "../engine/engine.ts";
import type { Clock } from "./clock.ts";

const secretBytes = 32;

/** The secret of that name, base64url; made at random, and on disk, if it is new. Rejects with `StorageUnavailable`. */
export async function keepSecret(engine: Engine, clock: Clock, name: string): Promise<string> {
  const stored = new Map(await engine.scan("secret", name)).get(name);
  if (stored) return stored.value;
  const value = Buffer.from(clock.random(secretBytes)).toString("base64url");
  await engine.write([{ kind: "secret", key: name, value: { value } }]);
  return value;
}
