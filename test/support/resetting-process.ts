/** Resets connections in each state that one can be in; then nothing is left to do, and it exits. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { reset } from "./reset.ts";

const server = createServer((socket) => socket.on("error", () => {}).resume());
await once(server.listen(0, "127.0.0.1"), "listening");
const { port } = server.address() as AddressInfo;
const open = () => connect(port, "127.0.0.1").on("error", () => {});

reset(open());
const opened = open();
await once(opened, "connect");
reset(opened);
const ending = open();
await once(ending, "connect");
reset(ending.end());
reset(ending);
server.close();
