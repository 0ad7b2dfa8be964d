/**
 * The service `replies`: the rules, read when they are first wanted or when the server starts, whichever is earlier.
 * The rule it keeps: a server does not start with rules that are wrong; a command hears of them when it asks.
 */
import { type ClassedReply, ConfigError, type Files, type Replies, type ReplyFacts } from '../api/index.js'
import { classify } from './classify.js'
import { type ReplyRuleSet, readReplyRules } from './read.js'

export class ReplyRules implements Replies {
  readonly #files: Files
  #loading: Promise<ReplyRuleSet> | undefined

  constructor(files: Files) {
    this.#files = files
  }

  /** Throws `ConfigError` with every fault. */
  async load(): Promise<ReplyRuleSet> {
    this.#loading ??= readReplyRules(this.#files)
    const set = await this.#loading
    if (set.faults.length > 0) throw new ConfigError(set.faults)
    return set
  }

  async classify(reply: ReplyFacts): Promise<ClassedReply> {
    return classify((await this.load()).rules, reply)
  }
}
