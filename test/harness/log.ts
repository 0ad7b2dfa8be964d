/** Logs for tests: one that is silent, one that remembers. */
export * from '../../core/testing/log.js'
