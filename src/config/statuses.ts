// Statuses that a health check takes for good, as people write them: 200, '204', '200-399'.

export type StatusRange = readonly [low: number, high: number]

/** Both ends included; null: not a status or a range of statuses (100 to 599, low to high). */
export function parseStatuses(written: string | number): StatusRange | null {
  const match = /^(\d{3})(?:-(\d{3}))?$/.exec(String(written))
  if (!match) return null
  const low = Number(match[1])
  const high = Number(match[2] ?? match[1])
  return low >= 100 && high <= 599 && low <= high ? [low, high] : null
}
