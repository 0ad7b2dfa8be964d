/** A filter of somebody else, asked about mails in files. Each brings a configuration of its own; none may use the network. */
import type { Label } from '../sets.js'

/** A mail as a file with line feeds, and its octets as they would come over the wire. */
export interface Sample {
  readonly path: string
  readonly octets: Buffer
  readonly label: Label
}

export interface Opinion {
  readonly score: number
  /** By its own default threshold. */
  readonly spam: boolean
}

export interface Answers {
  readonly opinions: readonly Opinion[]
  /** User and system time of its processes. */
  readonly cpuMs: number
  /** From asking to knowing, where mails are asked one by one. */
  readonly times: readonly number[]
}

export interface Peer {
  readonly name: string
  teach(samples: readonly Sample[]): Promise<void>
  ask(samples: readonly Sample[]): Promise<Answers>
  end(): Promise<void>
}

export interface PeerKind {
  readonly name: string
  /** Why it cannot be asked here: what to install. */
  missing(): string | undefined
  /** `taught`: with its Bayes. The folder is empty and its own. */
  start(folder: string, taught: boolean): Promise<Peer>
  /** Knows nothing unless it is taught. */
  readonly learnsOnly: boolean
}
