// Units of the domain as types, so that milliseconds never meet bytes by accident. Casts happen only in this file.
declare const unit: unique symbol

/** A span of time in milliseconds. */
export type Millis = number & { readonly [unit]: 'ms' }
/** A size in bytes. */
export type Bytes = number & { readonly [unit]: 'bytes' }

export const ms = (n: number): Millis => n as Millis
export const bytes = (n: number): Bytes => n as Bytes
