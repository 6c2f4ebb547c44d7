// What signals do. SIGTERM and SIGINT stop Weir after what is under way is finished; the second one ends it now, with the
// exit code that a shell gives a process that died of that signal (143, 130). SIGUSR1 opens the log files anew, after
// rotation. SIGHUP reads the configuration again. SIGUSR2 starts the program anew, which takes over (lifecycle/upgrade.ts).
import { constants } from 'node:os'
import type { Logger } from 'pino'

export interface SignalActions {
  readonly log: Logger
  readonly stop: (signal: NodeJS.Signals) => void
  readonly reopen: () => void
  readonly reload: () => void
  readonly upgrade: () => void
  /** Ends the process now. */
  readonly exit: (code: number) => void
}

/** What a shell makes of a process that died of the signal. */
export const exitCodeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]

/** Takes the signals over. @returns a function that gives them back */
export function handleSignals({ log, stop, reopen, reload, upgrade, exit }: SignalActions): () => void {
  let stops = 0
  const onStop = (signal: NodeJS.Signals): void => {
    if (++stops === 1) {
      log.info({ signal }, `${signal} received; once more to end at once`)
      stop(signal)
      return
    }
    log.warn({ signal }, `${signal} again: ending at once`)
    exit(exitCodeOf(signal))
  }
  const onHangUp = (): void => reload()
  const onReopen = (): void => {
    reopen()
    log.info('SIGUSR1: log files opened anew')
  }
  const handlers = { SIGTERM: onStop, SIGINT: onStop, SIGHUP: onHangUp, SIGUSR1: onReopen, SIGUSR2: upgrade } as const
  const entries = Object.entries(handlers) as [NodeJS.Signals, (signal: NodeJS.Signals) => void][]
  for (const [signal, handler] of entries) process.on(signal, handler)
  return () => {
    for (const [signal, handler] of entries) process.removeListener(signal, handler)
  }
}
