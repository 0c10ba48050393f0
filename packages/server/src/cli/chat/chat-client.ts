/**
 * The connection of a chat: goes on where the last chat of this user stopped, by a state file. Where that file cannot
 * be used (another chat of the same user has it, a read-only home), the chat works without: a device of its own, which
 * is forgotten afterwards.
 */
import { type Client, ParleyError, type Welcome } from "@parley/client";
import { filePersistence } from "@parley/client/node";
import { createLoginClient, type Login } from "../login.ts";
import { chatStateFile } from "./state-file.ts";

export interface ChatConnection {
  readonly client: Client;
  readonly welcome: Welcome;
  /** Why nothing is remembered after this chat; undefined where it is. */
  readonly unremembered: string | undefined;
}

const requestTimeoutMs = 10_000;

/** Connects. Rejects with the client's error at the first failure; later ones are repaired by the client. */
export async function connectChat(login: Login): Promise<ChatConnection> {
  try {
    const persistence = filePersistence(chatStateFile(login, process.env));
    return {
      ...(await connectOnce(createLoginClient(login, { persistence, requestTimeoutMs }))),
      unremembered: undefined,
    };
  } catch (error) {
    const why = whyNoState(error);
    if (why === undefined) throw error;
    // The device's name is the file's: the other chat has it too, and would be thrown out.
    const { device: _, ...anyDevice } = login;
    return { ...(await connectOnce(createLoginClient(anyDevice, { requestTimeoutMs }))), unremembered: why };
  }
}

async function connectOnce(client: Client): Promise<{ readonly client: Client; readonly welcome: Welcome }> {
  const failed = Promise.withResolvers<never>();
  const forget = client.on("state", (change) => {
    if (change.state === "offline") failed.reject(change.error);
  });
  try {
    return { client, welcome: await Promise.race([client.connect(), failed.promise]) };
  } catch (error) {
    await client.close();
    throw error;
  } finally {
    forget();
  }
}

function whyNoState(error: unknown): string | undefined {
  if (error instanceof ParleyError) return error.code === "persistence_failed" ? error.message : undefined;
  return error instanceof Error && "syscall" in error ? error.message : undefined;
}
