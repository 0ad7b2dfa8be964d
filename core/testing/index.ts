/**
 * The door `posthouse/testing`: for tests of plugins, ours and other people's. Testing a plugin is calling a function: `setUp` runs its
 * `setup` with a checked config, and `aSession`, `anEnvelope`, `aMessage` are what hooks are asked about.
 */
export { aMessage, anEnvelope, aServer, aSession, aText } from './asked.js'
export { aCall, aContext, servicesOf } from './context.js'
export { type LogLine, quietLog, type RememberingLog, rememberingLog } from './log.js'
export { type SetUp, type SetUpOptions, setUp } from './set-up.js'
