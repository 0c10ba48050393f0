/** A server that wants tokens, with every way in, and what its tokens are made by: `forge`, by hand. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import { claimsOf, forge, nowSeconds } from "../gateways/push/push-client.ts";
import { RawSession } from "../support/raw-session.ts";
import { type Settings, startInProcess } from "../support/server-in-process.ts";

export const secret = "a secret of the backend, only for tests";
const audience = "parley-test";

export interface TokenServer {
  readonly http: number;
  readonly tcp: number;
  readonly peerJson: number;
  readonly framedTcp: number;
  readonly deviceText: number;
  readonly udp: number;
  readonly complaints: string[];
}

/** Claims beside the usual ones, which may be replaced; `parley` holds restrictions. */
export type Claims = { readonly exp?: number; readonly parley?: object; readonly [claim: string]: unknown };

/** A token of the backend for that user, good for 10 minutes. */
export function tokenOf(user: string, claims: Claims = {}, key = secret): string {
  const usual = { sub: user, aud: audience, iat: nowSeconds(), exp: nowSeconds() + 600, jti: randomUUID() };
  return forge({ ...usual, ...claims }, key);
}

/** Starts a server that ends with the test, in mode `token` unless the settings say otherwise. */
export async function startTokenServer(t: TestContext, settings: Settings = {}): Promise<TokenServer> {
  const gateways: Settings["gateways"] = [
    "native-websocket",
    "native-tcp",
    "peer-json",
    "push",
    "framed-tcp",
    "device-text",
    "udp-agent",
  ];
  const ports: Settings = {
    "nativeTcp.port": 0,
    "peerJson.port": 0,
    "framedTcp.port": 0,
    "deviceText.port": 0,
    "udpAgent.port": 0,
    "udpAgent.discoveryPort": 0,
  };
  const auth: Settings = { "auth.mode": "token", "auth.secret": secret, "auth.audience": audience };
  const { urls, complaints } = await startInProcess(t, { gateways, ...ports, ...auth, ...settings }, {});
  const portsOf = (protocol: string) => urls.filter((url) => url.protocol === protocol).map(({ port }) => Number(port));
  const [http = 0, peerJson = 0, , deviceText = 0] = portsOf("ws:");
  const [tcp = 0, framedTcp = 0] = portsOf("tcp:");
  const [udp = 0] = portsOf("udp:");
  return { http, tcp, peerJson, framedTcp, deviceText, udp, complaints };
}

/** Makes the user known, and a member of these rooms. */
export async function introduce({ tcp }: TokenServer, user: string, ...rooms: readonly string[]): Promise<void> {
  const session = await RawSession.login(tcp, user, { token: tokenOf(user) });
  for (const room of rooms) {
    session.send({ op: "join", room });
    await session.next("ok");
  }
  session.close();
  await session.ended();
}

/** Revokes a token over HTTP, as an administrator. */
export async function revoke({ http }: TokenServer, token: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${http}/v1/revocations`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${tokenOf("operator", { parley: { admin: true } })}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ tokenId: claimsOf(token).jti }),
  });
  assert.equal(answer.status, 200, await answer.text());
}
