/** The file that `operator.ts` writes and the command line reads: by itself, as the latter is no part of a server. */

/** What the file holds, as JSON. */
export interface OperatorFile {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  readonly token: string;
}

/** Its name in the data directory. */
export const operatorFileName = "operator.json";
