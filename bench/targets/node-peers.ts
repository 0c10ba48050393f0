/** What people build by themselves on Node: a relay with Socket.IO, and one with nothing but `ws`. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { freePorts } from "../../test/support/free-ports.ts";
import { launch, storeDirectory, type Target } from "./target.ts";

interface Relay {
  readonly name: string;
  /** The dialect it is spoken to in. */
  readonly dialect: string;
  /** The script, beside this file. */
  readonly script: string;
  readonly missing: () => string | undefined;
}

function relay({ name, dialect, script, missing }: Relay): Target {
  return {
    name,
    promise: "handed to who is there, never stored",
    missing,
    async start(signal) {
      const [port = 0] = await freePorts(1);
      const path = fileURLToPath(new URL(script, import.meta.url));
      const directory = await storeDirectory();
      return launch({
        command: process.execPath,
        args: [path, String(port)],
        ports: { [dialect]: port },
        directory,
        signal,
      });
    },
  };
}

export const socketIo = relay({
  name: "Socket.IO",
  dialect: "socket-io",
  script: "socket-io-server.ts",
  missing: () =>
    existsSync(new URL("../peers/node_modules/socket.io/package.json", import.meta.url))
      ? undefined
      : "Socket.IO is not installed",
});

export const plainWs = relay({ name: "ws", dialect: "ws", script: "ws-server.ts", missing: () => undefined });
