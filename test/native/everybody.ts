/** The people of the sending tests, and what an `ok` says in short. */
import type { ServerMessages } from "@parley/protocol";
import type { Carrier } from "./link.ts";
import type { NativeServer } from "./native-server.ts";
import { Peer } from "./peer.ts";

/** Every log a message was written to, with its seq there. */
export const placesOf = ({ positions = [] }: ServerMessages["ok"]) => positions.map(({ log, seq }) => [log, seq]);
export const statesOf = ({ recipients = [] }: ServerMessages["ok"]) => recipients.map(({ to, state }) => [to, state]);

/** Alice's phone and laptop, Bob, and Carol, all connected. */
export async function everybody(carrier: Carrier, server: NativeServer) {
  const login = (user: string, device: string) => Peer.login(carrier, server, user, { device });
  return {
    phone: await login("Alice", "phone"),
    laptop: await login("alice", "laptop"),
    bob: await login("Bob", "b"),
    carol: await login("carol", "c"),
  };
}
