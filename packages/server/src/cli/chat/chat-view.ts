/**
 * The port between a conversation and what the person sees: one implementation draws on a terminal
 * (`terminal-view.ts`), the other writes plain lines (`plain-view.ts`). Text is given raw; a view makes it printable.
 */
import type { Showable } from "../message-head.ts";

/** How far an own message has come. */
export type Fate = "stored" | "delivered" | "refused";

/** What the prompt says. */
export interface Prompt {
  readonly user: string;
  readonly recipient: string | undefined;
  readonly isOffline: boolean;
}

export interface ChatView {
  /** What the person enters, line by line; ends when the person leaves or the input is over. */
  readonly lines: AsyncIterable<string>;
  /** A message of somebody, or an own one from another device. Resolves when it has been written. */
  message(message: Showable, isEarlier?: boolean): Promise<void>;
  /** An own message that was just entered; `settle` tells how it fares. */
  own(clientId: string, message: Showable): void;
  settle(clientId: string, fate: Fate): void;
  /** Something that the program itself has to say. */
  notice(text: string): void;
  /** Sets what follows apart from what was before. */
  divider(text: string): void;
  /** Something that went wrong. */
  problem(text: string): void;
  prompt(prompt: Prompt): void;
  /** Ends the input and gives the terminal back. */
  close(): void;
}
