// A progress bar on stderr, when that is a terminal: one line, written over and over, gone at the end.
import type { Progress } from '../simulate/compare.ts'

const WIDTH = 30
/** ms between two drawings. */
const PAUSE = 50

/** @returns what takes the progress, and what wipes the line */
export function progressBar(stream: NodeJS.WriteStream): { show: (progress: Progress) => void; clear: () => void } {
  if (!stream.isTTY) return { show: () => {}, clear: () => {} }
  let drawnAt = 0
  return {
    show: (progress) => {
      const now = performance.now()
      if (now - drawnAt < PAUSE) return
      drawnAt = now
      stream.write(`\r${bar(progress)}\x1b[K`)
    },
    clear: () => stream.write('\r\x1b[K'),
  }
}

/** `[=======>      ]  37 % leastconn` */
export function bar({ algorithm, index, count, done }: Progress): string {
  const share = (index + done) / count
  const full = Math.round(share * WIDTH)
  const line = '='.repeat(Math.max(0, full - 1)) + (full > 0 ? '>' : '')
  return `[${line.padEnd(WIDTH)}] ${String(Math.floor(share * 100)).padStart(3)} % ${algorithm}`
}
