/** The dialects by name. */
import type { Dialect } from "./dialect.ts";
import { framedTcp } from "./framed-tcp.ts";
import { mqtt } from "./mqtt.ts";
import { native } from "./native.ts";
import { jetStream, natsCore } from "./nats.ts";
import { peerJson } from "./peer-json.ts";
import type { DialectName, Workload } from "./workload.ts";

type Durability = Workload["durability"];

const dialects: Readonly<Record<DialectName, (durability: Durability) => Dialect>> = {
  "native-ws": (durability: Durability) => native({ carrier: "ws", durability }),
  "native-tcp": (durability: Durability) => native({ carrier: "tcp", durability }),
  "peer-json": () => peerJson,
  "framed-tcp": () => framedTcp,
  nats: () => natsCore,
  jetstream: () => jetStream,
  "mqtt-0": () => mqtt(0),
  "mqtt-1": () => mqtt(1),
};

export function dialectOf(name: DialectName, durability: Durability): Dialect {
  return dialects[name](durability);
}
