// How many connections may wait for a place, besides those that have one. A rule that both planes go by: a worker holds no
// more of them, and the control plane keeps file descriptors back for them.

/** For one worker, however many connections there may be. */
const most = 4096
const least = 16
/** Of the connections that there may be, over all workers. */
const share = 1 / 8

/** @param maxConnections of the process. @returns connections without a place that one worker holds at most */
export const waitingAtMost = (maxConnections: number, workers: number): number =>
  Math.max(least, Math.min(most, Math.floor((maxConnections * share) / workers)))
