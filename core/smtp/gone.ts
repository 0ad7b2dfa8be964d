/** The client has left: there is nobody to answer. Every wait for the client ends with it; it is no fault and no bug. */
export class Gone extends Error {
  constructor() {
    super('the client is gone')
    this.name = 'Gone'
  }
}
