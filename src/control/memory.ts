// How much memory the process holds.

/** Bytes in RAM; null when it can't be told: without a free file descriptor (EMFILE) the system does not say. */
export function residentMemory(): number | null {
  try {
    return process.memoryUsage.rss()
  } catch {
    return null
  }
}
