/**
 * Who is talking to us: the session as hooks see it, and the few steps by which core changes it.
 * Labels live as long as what they were said about: one set at `mail` or `rcpt` ends with the transaction, one set at `helo` with the
 * next greeting, and after STARTTLS only what was known at connect stays. Otherwise a sender's label would serve the next sender.
 */
import type { Account, Endpoint, Peer, ReverseName, Session, TlsFacts } from '../api/index.js'

export class SmtpSession implements Session {
  readonly id: string
  readonly protocol: 'smtp' | 'lmtp'
  readonly listener: string
  remote: Endpoint
  local: Endpoint
  trusted: boolean
  /** Live; hooks see it read-only. */
  readonly labels: Set<string>
  tls: TlsFacts | undefined
  helo: string | undefined
  extended = false
  account: Account | undefined
  /** Of the connection, whoever it speaks for. */
  readonly refused = { commands: 0, unknown: 0 }
  reversed: ReverseName | undefined
  readonly #reverseOf: (address: string) => Promise<ReverseName>
  #reverse: Promise<ReverseName> | undefined
  #connected: ReadonlySet<string>
  #greeted: ReadonlySet<string>

  constructor(
    peer: Peer,
    protocol: 'smtp' | 'lmtp',
    trusted: boolean,
    reverseOf: (address: string) => Promise<ReverseName>,
  ) {
    this.#reverseOf = reverseOf
    this.id = peer.id
    this.protocol = protocol
    this.listener = peer.listener
    this.remote = peer.remote
    this.local = peer.local
    this.tls = peer.tls
    this.trusted = trusted
    this.labels = new Set([peer.listener])
    if (trusted) this.labels.add('trusted')
    if (peer.tls !== undefined) this.labels.add('tls')
    this.#connected = new Set(this.labels)
    this.#greeted = this.#connected
  }

  reverse(): Promise<ReverseName> {
    this.#reverse ??= this.#lookUp(this.remote)
    return this.#reverse
  }

  async #lookUp(remote: Endpoint): Promise<ReverseName> {
    const found = await this.#reverseOf(remote.address)
    // XCLIENT may have come in between: then it is the name of somebody else.
    if (remote === this.remote) this.reversed = found
    return found
  }

  /** The `connect` hooks have spoken. */
  connected(): void {
    this.#connected = new Set(this.labels)
    this.#greeted = this.#connected
  }

  /** What `helo` hooks start from: labels of an earlier greeting are gone. */
  labelsBeforeGreeting(): Set<string> {
    const labels = new Set(this.#connected)
    if (this.account !== undefined) labels.add('authenticated')
    return labels
  }

  greeted(helo: string, extended: boolean, labels: ReadonlySet<string>): void {
    this.helo = helo
    this.extended = extended
    this.#greeted = labels
    this.#restore(labels)
  }

  authenticated(account: Account): void {
    this.account = account
    this.labels.add('authenticated')
    this.#greeted = new Set(this.#greeted).add('authenticated')
  }

  /** RFC 3207 §4.2: what the client said before the handshake is forgotten. */
  secured(tls: TlsFacts): void {
    this.tls = tls
    this.helo = undefined
    this.extended = false
    this.account = undefined
    this.#connected = new Set(this.#connected).add('tls')
    this.#greeted = this.#connected
    this.#restore(this.#connected)
  }

  /** XCLIENT: another client from here on, of whom nothing is known but its address. */
  speaksFor(remote: Endpoint, local: Endpoint, trusted: boolean): void {
    this.remote = remote
    this.local = local
    this.trusted = trusted
    this.#reverse = undefined
    this.reversed = undefined
    this.helo = undefined
    this.extended = false
    this.account = undefined
    this.labels.clear()
    this.labels.add(this.listener)
    if (trusted) this.labels.add('trusted')
    if (this.tls === undefined) return
    this.labels.add('tls')
    // The certificate is the proxy's: nobody behind it may log in by it.
    const { client: _, ...tls } = this.tls
    this.tls = tls
  }

  endTransaction(): void {
    // Labels are only ever added, so equal numbers mean equal sets.
    if (this.labels.size !== this.#greeted.size) this.#restore(this.#greeted)
  }

  #restore(labels: ReadonlySet<string>): void {
    this.labels.clear()
    for (const name of labels) this.labels.add(name)
  }
}
