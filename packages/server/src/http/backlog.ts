/**
 * Connections that may wait to be accepted, as far as the system allows (`net.core.somaxconn`). Node's own 511 is less
 * than come back in one moment after a restart; what does not fit is only tried again a second later, and longer.
 */
export const backlog = 4096;
