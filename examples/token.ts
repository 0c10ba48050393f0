/** What a backend does to let its users in: signs a token for ten minutes. `node examples/token.ts NAME`, settings as the server's. */
import { SignJWT } from "jose";

const { PARLEY_AUTH_SECRET: secret = "", PARLEY_AUTH_AUDIENCE: audience = "" } = process.env;
const [user = ""] = process.argv.slice(2);
const token = await new SignJWT({ sub: user })
  .setProtectedHeader({ alg: "HS256" })
  .setAudience(audience)
  .setIssuedAt()
  .setExpirationTime("10m")
  .setJti(crypto.randomUUID())
  .sign(new TextEncoder().encode(secret));
console.log(token);
