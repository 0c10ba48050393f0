/** The backup of a running server, by its HTTP API (`GET /v1/backup`). Who asks must administer. */
import type { ExitCode } from "./exit-codes.ts";
import { exitCodes } from "./exit-codes.ts";

export interface RemoteFlags {
  /** `http://HOST:PORT`, or the `ws://` address that other commands take. */
  readonly url: string;
  readonly user: string | undefined;
}

/** There is no backup to be had; `message` tells people why. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Asks for the backup; resolves when it begins to come. Rejects with `Unavailable`; its iteration too. */
export async function openRemoteBackup({ url, user }: RemoteFlags): Promise<AsyncIterable<Uint8Array>> {
  const address = new URL("/v1/backup", url.replace(/^ws/, "http"));
  const lost = (error: unknown) => {
    const { message, cause } = error as Error;
    return new Unavailable(
      `cannot get a backup from ${url}: ${(cause as Error | undefined)?.message ?? message}`,
      exitCodes.unreachable,
    );
  };
  const answer = await fetch(address, { headers: authorization(user) }).catch((error: unknown) => {
    throw lost(error);
  });
  if (!answer.ok || !answer.body) throw new Unavailable(`${url} refuses: ${await reasonOf(answer)}`, exitCodes.failed);
  return reading(answer.body, lost);
}

async function* reading(
  body: AsyncIterable<Uint8Array>,
  lost: (error: unknown) => Unavailable,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw lost(error);
  }
}

/** A token where there is one; with open login, or for an account, a name. */
function authorization(user: string | undefined): Record<string, string> {
  const token = process.env.PARLEY_TOKEN;
  if (token) return { Authorization: `Bearer ${token}` };
  const name = `${user ?? ""}:${process.env.PARLEY_PASSWORD ?? ""}`;
  return user === undefined ? {} : { Authorization: `Basic ${Buffer.from(name).toString("base64")}` };
}

/** The words of a problem (RFC 9457), or the status. */
async function reasonOf(answer: Response): Promise<string> {
  const text = await answer.text();
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    if (typeof detail === "string") return detail;
  } catch {
    // Not one of ours, then.
  }
  return `${answer.status} ${answer.statusText}`.trim();
}
