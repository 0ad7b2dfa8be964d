/**
 * The service `replies`: the rules, read when they are first wanted. What an admin has written is read before the server starts, so that it does not
 * start with rules that are wrong; the shipped ones alone are known to be right, and must not make the start slower.
 */
import { existsSync } from 'node:fs'
import { type ClassedReply, ConfigError, type Files, type Replies, type ReplyFacts } from '../api/index.js'
import { classify } from './classify.js'
import { OWN_RULES, type ReplyRuleSet, readReplyRules } from './read.js'

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

  /** Throws `ConfigError` with every fault, when an admin has rules. */
  async check(): Promise<void> {
    if (existsSync(this.#files.resolve(OWN_RULES))) await this.load()
  }

  async classify(reply: ReplyFacts): Promise<ClassedReply> {
    return classify((await this.load()).rules, reply)
  }
}
