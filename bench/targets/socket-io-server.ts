/**
 * What a tutorial's chat with Socket.IO does, as a peer to measure: everybody is in a room of the own name and in `bench`, and
 * what one sends goes to the room it names. Takes the port. Socket.IO is installed by `bench/install-peers.sh`.
 */
import { createServer } from "node:http";
import { createRequire } from "node:module";

/** What is used of Socket.IO, which is no dependency of this project. */
interface Socket {
  readonly handshake: { readonly auth: { readonly user: string } };
  join(rooms: readonly string[]): void;
  to(room: string): { emit(event: string, message: object): void };
  on(event: "message", listener: (message: { readonly to: string; readonly body: string }) => void): void;
}
interface SocketIo {
  readonly Server: new (
    http: object,
    options: object,
  ) => { on(event: "connection", listener: (socket: Socket) => void): void };
}

const { Server } = createRequire(new URL("../peers/package.json", import.meta.url))("socket.io") as SocketIo;
const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });
io.on("connection", (socket) => {
  const { user } = socket.handshake.auth;
  socket.join([user, "bench"]);
  socket.on("message", ({ to, body }) => socket.to(to).emit("message", { from: user, body }));
});
http.listen(Number(process.argv[2]), "127.0.0.1");
