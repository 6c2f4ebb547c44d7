// placeholder of the lead until the access-log engineer's file lands: overwrite me
export interface AccessLog { flush(): void; reopen(): void; closeSync(): void }
export const openAccessLog = (_spec: unknown): AccessLog | null => null
