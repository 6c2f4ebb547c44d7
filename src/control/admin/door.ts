// A way in for operators and their tools, whatever is spoken behind it: how it is closed. Which there are, and when they open
// and close, is lifecycle/doors.ts.

export interface Door {
  /** Takes nobody new. Resolves when those who are in have left by themselves. */
  retire(): Promise<void>
  /** Takes nobody new and ends the connections that are there. May be called after retire(). */
  close(): Promise<void>
}
