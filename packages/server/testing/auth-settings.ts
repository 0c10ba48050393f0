/** Settings of authentication for tests that open an `Authentication` by themselves: what the server has by default. */
import type { AuthSettings } from "../src/auth/token-keys.ts";

export const authSettings: AuthSettings = {
  mode: "open",
  secret: "",
  keyFiles: [],
  jwksUrl: "",
  jwksSeconds: 300,
  audience: "",
  issuer: "",
  skewSeconds: 5,
  maxTokenDays: 366,
  sessionHours: 24,
};
