/** What goes wrong with a directory. None of it says anything about whether somebody is there. */

/** No server answered, or not as it should. The message is for the log and for admins. */
export class LdapDown extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'LdapDown'
  }
}

/** Too much is being asked at the same time. */
export class LdapBusy extends Error {
  constructor() {
    super('too many questions wait for the directory')
    this.name = 'LdapBusy'
  }
}
