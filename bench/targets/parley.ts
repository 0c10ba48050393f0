/** Parley itself: this checkout, or another one of it. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePorts } from "../../test/support/free-ports.ts";
import { launch, storeDirectory, type Target } from "./target.ts";

export interface ParleyOptions {
  /** The root of the checkout that is run. */
  readonly root: string;
  readonly name?: string;
  /** Of messages whose protocol has no word for it. */
  readonly durability?: "fsync" | "memory";
  /** So many messages are in its store when it starts. */
  readonly stored?: number;
  /** Where it leaves a processor profile when it ends. */
  readonly profiles?: string;
}

const gateways = "native-websocket,native-tcp,peer-json,framed-tcp";
const filling = fileURLToPath(new URL("../filled-store.ts", import.meta.url));

export function parley({ root, name = "parley", durability = "fsync", stored = 0, profiles }: ParleyOptions): Target {
  return {
    name,
    promise:
      durability === "fsync"
        ? "stored, synced to the disk, then answered and delivered"
        : "answered and delivered before the disk has it",
    missing: () => undefined,
    async start(signal) {
      const [ws = 0, tcp = 0, peerJson = 0, framed = 0] = await freePorts(4);
      const directory = await storeDirectory();
      if (stored > 0)
        await promisify(execFile)(process.execPath, [filling, root, directory, String(stored)], { signal });
      const where = ["--data-dir", directory, "--ws-port", String(ws), "--tcp-port", String(tcp)];
      const env = {
        PARLEY_PEER_JSON_PORT: String(peerJson),
        PARLEY_FRAMED_TCP_PORT: String(framed),
        ...(durability === "memory" ? { PARLEY_DURABILITY: durability } : {}),
        ...(profiles === undefined
          ? {}
          : { NODE_OPTIONS: `--cpu-prof --cpu-prof-interval=250 --cpu-prof-dir=${profiles}` }),
      };
      return launch({
        command: join(root, "packages/server/bin/parley.js"),
        args: ["serve", ...where, "--gateways", gateways],
        env,
        cwd: root,
        ports: { "native-ws": ws, "native-tcp": tcp, "peer-json": peerJson, "framed-tcp": framed },
        directory,
        signal,
      });
    },
  };
}
