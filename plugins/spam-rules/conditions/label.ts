/** `label`: what the session is known as: `authenticated`, `trusted`, `tls`, the listener's name, and what plugins have said of it. */
import { found, type Kind } from './kind.js'

export const label: Kind<string, { readonly label: string }> = {
  name: 'label',
  cost: 0,
  key: { type: 'string', minLength: 1, maxLength: 100, description: 'a label of the session' },
  companions: {},
  read: raw => raw.label,
  prepare: () => ({
    bind:
      name =>
      ({ session }) =>
        session.labels.has(name) ? found(name) : undefined,
  }),
}
