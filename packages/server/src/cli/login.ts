/**
 * Who logs in where, and a connection for one errand: `withClient` connects once, does the work, and leaves. Used by
 * every command but `serve` and `chat`.
 */
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { type Client, type ClientOptions, createClient, type Welcome } from "@parley/client";
import { nodeTransport } from "@parley/client/node";
import { complain, complainAbout } from "./complaint.ts";
import type { ExitCode } from "./exit-codes.ts";

/** The options that every command has which talks to a server. */
export interface Login {
  readonly url: string;
  readonly user: string;
  readonly device?: string;
  /** A token, or what gets one each time. */
  readonly token?: string | (() => Promise<string>);
  /** Authorities to trust beside the usual ones, in PEM. */
  readonly ca?: string;
}

/** An errand is not there to receive: the server pushes one message at most. */
const errandWindow = 1;

/** Makes the client for a login, not connected yet. */
export function createLoginClient(
  { url, user, device, token, ca }: Login,
  options: Partial<ClientOptions> = {},
): Client {
  // The platform's WebSocket takes no authorities of its own: the whole process trusts them.
  if (ca !== undefined) setDefaultCACertificates([...getCACertificates("default"), ca]);
  return createClient({
    url,
    user,
    transport: nodeTransport(),
    ...(device === undefined ? {} : { device }),
    ...(token === undefined ? {} : { token }),
    ...options,
  });
}

/**
 * Connects, runs `errand`, closes. Gives up at the first failure to connect. Resolves with the exit code: the
 * errand's, or that of the error which has been explained on standard error.
 */
export async function withClient(
  login: Login,
  errand: (client: Client, welcome: Welcome) => Promise<ExitCode>,
): Promise<ExitCode> {
  const client = createLoginClient(login, { window: errandWindow, backoff: { attempts: 1 } });
  client.on("error", (problem) => {
    if (problem.type === "send") complain("the server cannot store messages at the moment, trying again …");
  });
  try {
    return await errand(client, await client.connect());
  } catch (error) {
    return await complainAbout(error, login.url);
  } finally {
    await client.close();
  }
}
