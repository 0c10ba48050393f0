/**
 * Where a chat keeps its device, its positions and what could not be sent: a file for each server, user and named
 * device, under the XDG state directory.
 */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { parseDevice, parseUser } from "@parley/protocol";
import type { Login } from "../login.ts";

const plainName = /^[a-z0-9._-]{1,64}$/;

/** The file for this login; its directory exists afterwards. Throws where it cannot be made. */
export function chatStateFile({ url, user, device }: Login, environment: NodeJS.ProcessEnv): string {
  const { host, pathname } = new URL(url);
  // A directory of its own for each server: `:` and `/` are not for file names everywhere.
  const server = fileName(`${host}${pathname === "/" ? "" : pathname}`.replace(/[:/]/g, "_"));
  const directory = join(stateHome(environment), "parley", server);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const name = parseUser(user);
  const key = fileName(name.ok ? name.value.key : user);
  const place = device === undefined ? undefined : parseDevice(device);
  return join(directory, place?.ok ? `${key}@${fileName(place.value)}.journal` : `${key}.journal`);
}

function stateHome({ XDG_STATE_HOME }: NodeJS.ProcessEnv): string {
  // The specification wants relative paths ignored.
  if (XDG_STATE_HOME !== undefined && isAbsolute(XDG_STATE_HOME)) return XDG_STATE_HOME;
  return join(homedir(), ".local", "state");
}

/** Names may be too long or too strange for a file system; `+` begins no name, so nothing is mistaken for another. */
function fileName(name: string): string {
  return plainName.test(name) ? name : `+${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
}
