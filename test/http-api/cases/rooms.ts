import type { ApiServer } from "../api-server.ts";
import type { Examples } from "../example.ts";

async function aliceHasTeam({ ask }: ApiServer): Promise<void> {
  await ask("/me", { as: "bob" });
  await ask("/rooms", { as: "alice", method: "POST", body: { room: "#team", members: ["bob"] } });
}

export const examples: Examples = {
  listRooms: async (server) => {
    await aliceHasTeam(server);
    return { query: { limit: "10" }, status: 200 };
  },
  createRoom: async (server) => {
    await server.ask("/me", { as: "bob" });
    return { body: { room: "#team", members: ["bob", "nobody"] }, status: 201 };
  },
  getRoom: async (server) => {
    await aliceHasTeam(server);
    return { path: { room: "#team" }, status: 200 };
  },
  listMembers: async (server) => {
    await aliceHasTeam(server);
    return { path: { room: "team" }, query: { limit: "1", online: "false" }, status: 200 };
  },
  joinRoom: async () => ({ path: { room: "новости", user: "alice" }, status: 204 }),
  leaveRoom: async (server) => {
    await aliceHasTeam(server);
    return { path: { room: "#team", user: "Alice" }, status: 204 };
  },
};
