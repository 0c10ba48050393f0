/** A connection over loopback, both ends in this process. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";

export interface SocketPair {
  /** What a server has of it. */
  readonly accepted: Socket;
  readonly peer: Socket;
}

/** Connects; both ends are gone when the test ends. */
export async function socketPair(t: TestContext): Promise<SocketPair> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  t.after(() => {
    peer.destroy();
    accepted.destroy();
    server.close();
  });
  return { accepted, peer };
}
