/** What goes wrong with a directory. None of it says anything about whether somebody is there. */

/** No server answered, or not as it should. The message is for the log and for admins. */
export class LdapDown extends Error {
  /** It took the question and gave no answer in time. */
  readonly late: boolean

  constructor(message: string, cause?: unknown, late = false) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'LdapDown'
    this.late = late
  }
}

/** Too much is being asked at the same time. */
export class LdapBusy extends Error {
  constructor() {
    super('too many questions wait for the directory')
    this.name = 'LdapBusy'
  }
}
