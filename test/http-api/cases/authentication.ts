/** Of tokens and accounts, on a server with open login: what is done by them is in test/authentication. */
import type { Examples } from "../example.ts";

export const examples: Examples = {
  createConnectToken: async () => ({ status: 200 }),
  issueToken: async () => ({ status: 201, body: { user: "bob", expiresIn: 60, device: "phone", send: ["#team-*"] } }),
  revoke: async () => ({ status: 200, body: { user: "bob", device: "phone" } }),
  listAccounts: async () => ({ status: 403 }),
  addAccount: async () => ({ status: 403, body: { user: "bob", password: "correct horse" } }),
  removeAccount: async () => ({ status: 403, path: { user: "bob" } }),
  setPassword: async () => ({ status: 403, path: { user: "bob" }, body: { password: "correct horse" } }),
};
