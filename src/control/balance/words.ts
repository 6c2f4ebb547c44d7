// Figures in the lines of the process log: as short as they can be read.

/** @param ms 10300 is '10.3 s' */
export const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`

/** Three digits: '0.42 ms', '12.5 ms', '812 ms'. */
export const millis = (ms: number): string => `${Number(ms.toPrecision(3))} ms`

/** @param ratio 0 to 1; 0.625 is '62.5 %' */
export const percent = (ratio: number): string => `${Math.round(ratio * 1000) / 10} %`
