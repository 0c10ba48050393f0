/**
 * The least that one can build with `ws`, as a peer to measure: a map of names to sockets, and everybody in the room `bench`,
 * whose messages are put in words once. Takes the port.
 */
import { type WebSocket, WebSocketServer } from "ws";

type Said = { readonly login: string } | { readonly to: string; readonly body: string };

const room = "bench";
const sockets = new Map<string, WebSocket>();
const server = new WebSocketServer({ port: Number(process.argv[2]), host: "127.0.0.1", perMessageDeflate: false });
server.on("connection", (socket, request) => {
  request.socket.setNoDelay(true);
  let user = "";
  socket.on("message", (data) => {
    const said = JSON.parse(String(data)) as Said;
    if ("login" in said) {
      user = said.login;
      sockets.set(user, socket);
      socket.send(JSON.stringify({ welcome: user }));
      return;
    }
    const message = Buffer.from(JSON.stringify({ from: user, body: said.body }));
    if (said.to !== room) sockets.get(said.to)?.send(message, { binary: false });
    else for (const other of sockets.values()) if (other !== socket) other.send(message, { binary: false });
  });
  socket.on("close", () => sockets.delete(user));
});
