/** Parley itself: this checkout, or another one of it. */
import { join } from "node:path";
import { freePorts } from "../../test/support/server-process.ts";
import { launch, storeDirectory, type Target } from "./target.ts";

export interface ParleyOptions {
  /** The root of the checkout that is run. */
  readonly root: string;
  readonly name?: string;
  /** Of messages whose protocol has no word for it. */
  readonly durability?: "fsync" | "memory";
  /** A store to begin with, instead of an empty one; it is removed at the end. */
  readonly directory?: string;
}

const gateways = "native-websocket,native-tcp,peer-json,framed-tcp";

export function parley({ root, name = "parley", durability = "fsync", directory }: ParleyOptions): Target {
  return {
    name,
    promise:
      durability === "fsync"
        ? "stored, synced to the disk, then answered and delivered"
        : "answered before the disk has it",
    async start() {
      const [ws = 0, tcp = 0, peerJson = 0, framed = 0] = await freePorts(4);
      const dataDir = directory ?? (await storeDirectory());
      const where = ["--data-dir", dataDir, "--ws-port", String(ws), "--tcp-port", String(tcp)];
      const env = {
        PARLEY_PEER_JSON_PORT: String(peerJson),
        PARLEY_FRAMED_TCP_PORT: String(framed),
        ...(durability === "memory" ? { PARLEY_DURABILITY: durability } : {}),
      };
      return launch({
        command: join(root, "packages/server/bin/parley.js"),
        args: ["serve", ...where, "--gateways", gateways],
        env,
        cwd: root,
        ports: { "native-ws": ws, "native-tcp": tcp, "peer-json": peerJson, "framed-tcp": framed },
        directory: dataDir,
      });
    },
  };
}
