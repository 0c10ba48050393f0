/** The dialects by name. */
import type { Dialect } from "./dialect.ts";
import { framedTcp } from "./framed-tcp.ts";
import { mqtt } from "./mqtt.ts";
import { native } from "./native.ts";
import { jetStream, natsCore } from "./nats.ts";
import { peerJson } from "./peer-json.ts";
import { plainWs } from "./plain-ws.ts";
import { socketIo } from "./socket-io.ts";
import type { DialectName, Durability } from "./workload.ts";

const dialects: Readonly<Record<DialectName, (durability: Durability, run: string) => Dialect>> = {
  "native-ws": (durability, run) => native({ carrier: "ws", durability, run }),
  "native-tcp": (durability, run) => native({ carrier: "tcp", durability, run }),
  "peer-json": () => peerJson,
  "framed-tcp": () => framedTcp,
  nats: () => natsCore,
  jetstream: () => jetStream(),
  "mqtt-0": () => mqtt(0),
  "mqtt-1": () => mqtt(1),
  "socket-io": () => socketIo,
  ws: () => plainWs,
};

/** A dialect for one run, whose name is part of what has to be unique. */
export function dialectOf(name: DialectName, durability: Durability, run: string): Dialect {
  return dialects[name](durability, run);
}
