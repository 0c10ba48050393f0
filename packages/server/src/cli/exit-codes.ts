/** The exit codes of `parley`, the same for every command (`parley --help` lists them from here). */
export const exitCodes = {
  ok: 0,
  /** The command was understood and could not be carried out: refused by the server, store, network. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** The server cannot be reached. */
  unreachable: 3,
  /** `serve`: the end was forced by a second signal, or by the time limit with the store not closed. */
  forced: 4,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command before it has begun; what was wrong has been said. Caught in `program.ts`. */
export class CommandEnded extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode) {
    super(`ended with exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** What each code means, for people. */
export const exitCodeMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: "done; or ended by Ctrl-C or SIGTERM where that is the way to end it",
  failed: "refused by the server, or it failed on the way",
  usage: "the command line or the configuration is wrong",
  unreachable: "the server cannot be reached",
  forced: "serve: a second signal or drain.seconds ended it before its store was closed; nothing acknowledged is lost",
};
