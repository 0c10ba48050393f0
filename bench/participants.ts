/** Who takes part in a scenario: Parley's protocols, of one checkout or two, and its peers; each a server and a dialect. */
import type { DialectName, Durability, ParleyProtocol } from "./load/workload.ts";
import { jetStreamServer, mosquitto, natsServer } from "./targets/brokers.ts";
import { plainWs, socketIo } from "./targets/node-peers.ts";
import { parley } from "./targets/parley.ts";
import type { Target } from "./targets/target.ts";

export type PeerName = Exclude<DialectName, ParleyProtocol>;

export interface Participant {
  readonly name: string;
  /** The checkout, by name; "" where there is but one. */
  readonly checkout: string;
  readonly isPeer: boolean;
  readonly dialect: DialectName;
  readonly target: Target;
}

/** Sources of Parley that can be run. */
export interface Checkout {
  readonly name: string;
  readonly root: string;
}

const peerTargets: Readonly<Record<PeerName, Target>> = {
  nats: natsServer,
  jetstream: jetStreamServer,
  "mqtt-0": mosquitto[0],
  "mqtt-1": mosquitto[1],
  "socket-io": socketIo,
  ws: plainWs,
};

export function peer(name: PeerName): Participant {
  return { name, checkout: "", isPeer: true, dialect: name, target: peerTargets[name] };
}

/** One of the stores that Parley's servers begin with. */
export interface Store {
  /** What it adds to a participant's name. */
  readonly suffix: string;
  readonly stored: number;
}

const emptyStore: Store = { suffix: "", stored: 0 };

/** Parley's protocols on one server for each checkout and store, in the order in which they take turns. */
export function parleys(
  checkouts: readonly Checkout[],
  protocols: readonly ParleyProtocol[],
  durability: Durability,
  stores: readonly Store[] = [emptyStore],
): Participant[] {
  const servers = stores.flatMap(({ suffix, stored }) =>
    checkouts.map(({ name, root }) => ({ suffix, name, target: parley({ root, durability, stored }) })),
  );
  return protocols.flatMap((dialect) =>
    servers.map(({ suffix, name, target }) => ({
      name: `${dialect}${suffix}`,
      checkout: name,
      isPeer: false,
      dialect,
      target,
    })),
  );
}
