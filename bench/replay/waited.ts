// Whether a run was disturbed: how long the threads of a process had work to do, and no core to do it on. On a machine that
// has other things to do, what is measured would be those. Linux only (/proc/PID/schedstat: the second figure, in ns).
import { readdirSync, readFileSync } from 'node:fs'
import { descendants } from '../cpu.ts'

/** ms since their start, over all threads that live, of a process and its children. */
export function waitedMillis(pid: number): number {
  let sum = 0
  for (const each of descendants(pid)) {
    for (const thread of list(`/proc/${each}/task`)) sum += runDelay(`/proc/${each}/task/${thread}/schedstat`)
  }
  return sum / 1e6
}

function runDelay(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8').split(' ')[1] ?? 0)
  } catch {
    return 0 // it has ended, or the kernel does not count
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** How this process and its children are scheduled, in words; sched(7). The 41st field of proc(5) has it. */
export function schedulingPolicy(): string {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const policy = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[38]
  return policy === '1' || policy === '2' ? 'real time (chrt)' : 'as other processes'
}
