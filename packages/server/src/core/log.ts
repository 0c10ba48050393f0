/**
 * The port to the server's log, for every layer. What is written there never has a body or a token in it; names and
 * addresses may stand in `about`, the log escapes them. `observe/pino-log.ts` is the log of `parley serve`.
 */

/** What a line is about, by name: `gateway`, `address`, `user`, `messageId`, `clientId`, `code`, … */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  /** Something unexpected that no peer can be answered: a bug, a disk that fails. */
  error(message: string, error: unknown, about?: LogFields): void;
  /** Something that an operator should look at. */
  warn(message: string, about?: LogFields): void;
  info(message: string, about?: LogFields): void;
  debug(message: string, about?: LogFields): void;
}

/** A log of errors alone, as programs that embed the server may have one. */
export type ErrorLog = Pick<Log, "error">;

/** The same log where it has all levels; what it lacks is not said. */
export function completeLog(log: ErrorLog & Partial<Log>): Log {
  const silent = () => {};
  return {
    error: (message, error, about) => log.error(message, error, about),
    warn: log.warn?.bind(log) ?? silent,
    info: log.info?.bind(log) ?? silent,
    debug: log.debug?.bind(log) ?? silent,
  };
}

/** Says nothing. */
export const silentLog: Log = completeLog({ error: () => {} });
