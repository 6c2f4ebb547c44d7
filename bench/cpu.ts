// What a process and all its children have used, from /proc: CPU time (utime + stime of all threads, also ended ones) and
// resident memory. Ticks of 10 ms, so a window of some seconds is known to half a percent.
import { readFileSync, readdirSync } from 'node:fs'

/** Ticks per second of the times in /proc/PID/stat; 100 on every Linux that Node runs on (USER_HZ). */
const ticksPerSecond = 100

/** The process itself, then its children and theirs. Those that end meanwhile are left out. */
export function descendants(pid: number): number[] {
  const found = [pid]
  for (let i = 0; i < found.length; i++) found.push(...children(found[i]!))
  return found
}

/** CPU time of the whole tree since it was started, in microseconds. */
export function cpuMicros(pid: number): number {
  let ticks = 0
  for (const each of descendants(pid)) {
    const stat = read(`/proc/${each}/stat`)
    // The command, in brackets, may hold spaces: fields are counted from behind it. state is the third of proc(5).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
  }
  return (ticks / ticksPerSecond) * 1e6
}

/** Resident memory of the whole tree, in KiB. Pages that processes share count for each, so look at growth, not at size. */
export function residentKiB(pid: number): number {
  let sum = 0
  for (const each of descendants(pid)) sum += Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${each}/status`))?.[1] ?? 0)
  return sum
}

function children(pid: number): number[] {
  const threads = list(`/proc/${pid}/task`)
  return threads.flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  )
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // the process has ended
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
