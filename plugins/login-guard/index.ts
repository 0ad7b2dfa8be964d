/**
 * Guessing passwords costs: growing delays, then locks, per network and per account, that lock out neither the networks the admin names
 * nor everybody behind one address. What counts, and why, stands in docs/decisions/0015-guessing-passwords.md.
 */
import { definePlugin } from 'posthouse/api'
import { parseDuration } from 'posthouse/text'
import { loginCommands } from './commands.js'
import { Guard } from './guard.js'
import { Ledger } from './ledger.js'
import { noticeOf } from './notice.js'
import { Secrets } from './secrets.js'

function failures(fallback: number, description: string) {
  return { type: 'integer', minimum: 3, maximum: 1_000_000, default: fallback, description } as const
}

function duration(fallback: string, description: string) {
  return { type: 'string', format: 'duration', default: fallback, description } as const
}

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    never: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      uniqueItems: true,
      default: ['127.0.0.0/8', '::1'],
      description: 'networks where nothing is counted, delayed or locked: a webmail, the own office',
    },
    most_delay: duration('15s', 'longest delay of a log-in; stays well below the timeout of this entry'),
    forget: duration('1d', 'failures are forgotten when that long no further one came'),
    known: duration('30d', 'how long a network is known for an account after it logged in from there'),
    lock: duration('15m', 'the first lock; each further one within a week is four times as long'),
    longest_lock: duration('1d', 'longest lock of a network; accounts are locked for an hour at most'),
    per_account_and_network: failures(10, 'wrong passwords for one account from one network before a lock'),
    per_network: failures(30, 'from one address of IPv4 or /64 of IPv6; unknown logins count three times'),
    per_range: failures(100, 'from one /24 of IPv4 or /48 of IPv6'),
    per_account: failures(50, 'for one account from networks it is not known from'),
    notify: { type: 'boolean', default: true, description: 'tell postmaster by mail of locks, now and then' },
  },
} as const

export default definePlugin({
  name: 'login-guard',
  summary: 'delays and locks for those who guess passwords',
  config: CONFIG,
  needs: ['state'],
  setup({ config, state, services, clock, log, metrics, key }) {
    const ms = (text: string) => parseDuration(text) ?? 0
    const ledger = new Ledger(state, { forgetMs: ms(config.forget), knownMs: ms(config.known) })
    const accounts = () => services.find('accounts')
    const guard = new Guard({
      ledger,
      secrets: new Secrets(() => key('login-guard'), log),
      settings: {
        mostDelayMs: ms(config.most_delay),
        limits: {
          pair: config.per_account_and_network,
          network: config.per_network,
          range: config.per_range,
          account: config.per_account,
        },
        firstLockMs: ms(config.lock),
        longestLockMs: ms(config.longest_lock),
      },
      never: config.never,
      accounts,
      notice: lock => {
        if (config.notify) void services.find('notifier')?.tell(noticeOf(lock))
      },
      clock,
      log,
      metrics,
    })
    return {
      hooks: {
        login: (asked, call) => guard.login(asked, call),
        auth: asked => guard.auth(asked),
        loginOver: (outcome, call) => guard.loginOver(outcome, call),
      },
      commands: loginCommands({ ledger, clock, accounts }),
      dispose: () => guard.idle(),
    }
  },
})
