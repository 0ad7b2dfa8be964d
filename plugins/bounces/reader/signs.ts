/**
 * By what a bounce is known that was written for people only, and by what the answer of a robot is. No single sign is enough: people write
 * about failures too, and robots answer from the null sender.
 */
import type { Field } from 'posthouse/text'
import { fieldOf } from './outline.js'

const FROM_SYSTEM =
  /mailer[-_ ]?daemon|post[-_ ]?master|mail[ -._]?deliver|delivery subsystem|mmsc|^<?>?$|no-?reply|system administrator|mail (?:system|server|router)/i
const SUBJECT =
  /undeliver|non.?deliver|deliver\w* (?:status|failure|problem|error|notification|has failed|failed)|fail\w* (?:notice|notification)|failure notice|returned (?:mail|message|to sender)|returning (?:mail|message)|(?:mail|message|e-?mail|delivery|sending)\W{1,3}(?:\w+ ){0,3}(?:fail|error|bounce|not|could|status|returned|delay|warning)|could not be (?:sent|deliver)|delivery \w+ fail|bounce|delayed|unzustellbar|nicht zugestellt|fehler|non remis|[eé]chec|no entregado|non recapitat|エラー|配信|送信|送達|失敗|не доставлен|退信|投递|系统退信|rejected|error sending|warning: could/i
/** In the text: that something did not arrive. */
const SAYS =
  /(?:not|n't|cannot|unable to|could not|failed to|error (?:occurred )?while|problem)\W{1,3}(?:\w+\W{1,3}){0,6}(?:deliver|sent|send|reach|accept|process|save|forward|be found|listed|exist|member|\bin use)|deliver\w*\W{1,3}(?:\w+\W{1,3}){0,6}(?:fail|error|unsuccess|problem|delayed|refused|temporarily|impossible)|(?:permanent|fatal|delivery) (?:fatal )?errors?|incorrectly constructed|undeliver|(?:user|recipient|address|mailbox|account|host|domain|folder)\w*\W{1,3}(?:\w+\W{1,3}){0,4}(?:unknown|not found|not exist|unavailable|disabled|full|invalid|rejected|exceed|over)|(?:unknown|invalid|no such|no valid|bad)\W{1,3}(?:\w+\W{1,3}){0,3}(?:user|recipient|address|mailbox|account|host|domain)|(?:was|been|were) (?:rejected|refused|returned|bounced|blocked)|returned permanent errors|Transcript of session|giving up|nicht (?:\w+ ){0,3}(?:zugestellt|zustellen|gesendet|geliefert)|unzustellbar|n'a (?:pas|p\w*) (?:pu )?|no (?:se )?(?:ha )?(?:podido|pudo|se puede)|配信(?:でき|に失敗|され)|送信(?:でき|に失敗)|送達|届け|失敗|エラー|не (?:может быть|был|была|удалось) ?доставлен|не доставлен|无法|退回|退信|存在しない/i
const DELAY =
  /\bdelay|not yet been|will (?:be retried|continue|keep|retry)|still (?:trying|being)|try again (?:later|for)|warning message|no action is required|verzögert|отложен|遅延/i
const FINAL =
  /permanent|giving up|given up|will not|no further|returned to|undeliverable|failed|失敗|not been delivered after|could not be delivered for/i
const ANSWER_SUBJECT =
  /^\W{0,3}(?:auto(?:mat\w+)?[- ]?(?:reply|respon\w*|answer)|out of (?:the )?office|vacation|abwesen\w*|automatische antwort|r[eé]ponse automatique|respuesta autom|自動(?:応答|返信)|away (?:until|from)|ooo\b|i'm away|on leave)/i

export interface Signs {
  /** How much speaks for a bounce: the header's share. */
  readonly header: number
  readonly nullSender: boolean
}

/** `nullSender` when the envelope is known; else what Return-Path says. */
export function signsOf(header: readonly Field[], nullSender?: boolean): Signs {
  const path = fieldOf(header, 'return-path')?.trim()
  const nobody = nullSender ?? (path !== undefined && /^<?\s{0,3}>?$|mailer-daemon/i.test(path))
  const from = fieldOf(header, 'from') ?? ''
  const subject = fieldOf(header, 'subject') ?? ''
  const auto = fieldOf(header, 'auto-submitted') ?? ''
  const signs = [
    nobody,
    FROM_SYSTEM.test(from.slice(0, 300)),
    SUBJECT.test(subject.slice(0, 300)),
    header.some(({ name }) => /^x-failed-recipients$/i.test(name)),
    /failure|auto-(?:replied|notified)|auto-generated/i.test(auto),
  ]
  return { header: signs.filter(Boolean).length, nullSender: nobody }
}

export function saysFailure(text: string): boolean {
  return SAYS.test(text.slice(0, 20_000))
}

/** Told of a delay, and not of its end. */
export function saysDelay(subject: string, text: string): boolean {
  if (/\bdelay|verzögert|warning: (?:could|message)/i.test(subject) && !/fail/i.test(subject)) return true
  return DELAY.test(text.slice(0, 5000)) && !FINAL.test(text.slice(0, 5000)) && !/fail|returned/i.test(subject)
}

/** RFC 3834 §5: a robot that answers says so; older ones by fields of their own, or in the subject. */
export function answerOf(header: readonly Field[]): string | undefined {
  for (const name of ['x-autoreply', 'x-autorespond', 'x-auto-response', 'x-apple-action', 'x-vacation']) {
    const value = fieldOf(header, name)
    if (value !== undefined && !/^no$/i.test(value)) return `field ${name}`
  }
  const subject = fieldOf(header, 'subject') ?? ''
  if (ANSWER_SUBJECT.test(subject.slice(0, 200))) return 'its subject'
  if (/auto_reply/i.test(fieldOf(header, 'precedence') ?? '')) return 'field precedence'
  return undefined
}

/** RFC 3834 §5.1: `auto-replied` is what notifications of failure say as well. */
export function repliesByRobot(header: readonly Field[]): boolean {
  return /^\s{0,3}auto-replied/i.test(fieldOf(header, 'auto-submitted') ?? '')
}
