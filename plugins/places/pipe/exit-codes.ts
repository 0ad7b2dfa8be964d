/**
 * What the end of a program means, by <sysexits.h> and, as far as they differ, by qmail's codes. Pure. Only what a program can mean as "no" for this mail is
 * one; what looks like a mistake of ours, or is unknown, is temporary, so that a wrong command bounces nothing.
 */

export type Meaning =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed' | 'deferred'; readonly status: string; readonly text: string }

const CODES: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [0, { kind: 'done' }],
  [65, { kind: 'failed', status: '5.6.0', text: 'the program does not understand the message' }],
  [67, { kind: 'failed', status: '5.1.1', text: 'the program knows no such user' }],
  [68, { kind: 'failed', status: '5.1.2', text: 'the program knows no such host' }],
  [69, { kind: 'failed', status: '5.3.0', text: 'the program does not take it' }],
  [71, { kind: 'deferred', status: '4.3.0', text: 'the program has trouble with its system' }],
  [73, { kind: 'deferred', status: '4.2.0', text: 'the program cannot make a file' }],
  [74, { kind: 'deferred', status: '4.3.0', text: 'the program cannot write' }],
  [75, { kind: 'deferred', status: '4.3.0', text: 'the program wants it later' }],
  [77, { kind: 'failed', status: '5.7.0', text: 'the program refuses it' }],
  [78, { kind: 'deferred', status: '4.3.5', text: 'the program is not set up right' }],
  [100, { kind: 'failed', status: '5.3.0', text: 'the program does not take it' }],
  [111, { kind: 'deferred', status: '4.3.0', text: 'the program wants it later' }],
  [126, { kind: 'deferred', status: '4.3.5', text: 'the program cannot be started' }],
  [127, { kind: 'deferred', status: '4.3.5', text: 'the program cannot be started' }],
])

export function meaningOf(code: number | null, signal: NodeJS.Signals | null): Meaning {
  if (signal !== null) return { kind: 'deferred', status: '4.3.0', text: `the program was ended by ${signal}` }
  return CODES.get(code ?? -1) ?? { kind: 'deferred', status: '4.3.0', text: `the program ended with ${code}` }
}
