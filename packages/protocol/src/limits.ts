/**
 * Numbers that both sides of `parley.v1` rely on (PROTOCOL.md says each one). What an operator may change is told in
 * `welcome.limits` instead.
 */

/** Longest frame before `hello` succeeded, in bytes: a client that resumes many logs leaves out positions beyond it. */
export const helloFrameBytes = 65_536;

/** Unacknowledged messages that a session is sent where `hello` does not say. */
export const defaultWindow = 1024;

/** Most addresses that one `send` can have; a server may allow fewer. */
export const maxRecipients = 100;

/** Messages in a page of history where the request does not say. */
export const defaultPage = 50;

/** Entries in a page of `users` or `rooms` where the request does not say. */
export const defaultListing = 1000;
