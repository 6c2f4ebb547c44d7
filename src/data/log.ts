// The process log as a worker writes to it: lines go to the main thread, which has the file. Never on the path of a request
// that succeeds.
export type Log = (level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown>) => void
