/** The exit codes of `parley`, the same for every command (`parley --help` lists them). */
export const exitCodes = {
  ok: 0,
  /** The command was understood and could not be carried out: refused by the server, store, network. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** The server cannot be reached. */
  unreachable: 3,
} as const;
