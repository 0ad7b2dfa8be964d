/**
 * States, the tagged answer, and what decides which capabilities are true: the words session and commands share.
 */

import type { Settings } from './settings.js'

/** RFC 3501 §3. After LOGOUT nothing is read any more. */
export type State = 'not-authenticated' | 'authenticated' | 'selected'

export const ANY: readonly State[] = ['not-authenticated', 'authenticated', 'selected']
export const LOGGED_IN: readonly State[] = ['authenticated', 'selected']

/** The tagged answer. */
export interface Done {
  readonly kind: 'OK' | 'NO' | 'BAD'
  /** Response code without brackets: `READ-ONLY`. */
  readonly code?: string
  readonly text: string
  /** Removals are told with a later answer, also in the UID form. */
  readonly removalsWait?: boolean
  /** Done after the answer has been sent: TLS, good-bye. */
  readonly after?: () => Promise<void>
}

/** What decides which capabilities are true right now. */
export interface Standing {
  readonly state: State
  readonly tls: boolean
  /** STARTTLS can be done. */
  readonly tlsOffered: boolean
  /** Logging in is allowed as things are. */
  readonly loginAllowed: boolean
  /** SASL mechanisms, strongest first; none while logging in is not allowed. */
  readonly mechanisms: readonly string[]
  readonly settings: Settings
}

/** Thrown where no answer can be returned: the command is answered with it. */
export class Refused extends Error {
  readonly done: Done

  constructor(done: Done) {
    super(done.text)
    this.name = 'Refused'
    this.done = done
  }
}

export function ok(text: string, code?: string): Done {
  return { kind: 'OK', text, ...(code !== undefined && { code }) }
}

export function no(text: string, code?: string): Done {
  return { kind: 'NO', text, ...(code !== undefined && { code }) }
}

export function bad(text: string, code?: string): Done {
  return { kind: 'BAD', text, ...(code !== undefined && { code }) }
}
